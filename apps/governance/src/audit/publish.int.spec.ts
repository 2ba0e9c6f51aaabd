import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formerKeys, parseCheckpoint, publishedRotationsSchema, signCheckpoint } from '@scc/audit';
import { createLogger, waitFor } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { answerFor } from './answers.js';
import { append, aRecord, aSealer, aSigner, Databases, ORIGIN, seal } from './audit-log.fixture.js';
import { CheckpointPublisher, type CheckpointStore } from './publish.js';
import { PublishedWatch } from './published-watch.js';

/** A ConfigMap as the API server keeps it: each write has a version, and a write on an old version is refused. */
class Store implements CheckpointStore {
  data: Record<string, string> | null = null;
  writes = 0;
  reads = 0;
  failing = false;

  get(): Promise<unknown> {
    this.reads += 1;
    return Promise.resolve(
      this.data ? { metadata: { resourceVersion: String(this.writes) }, data: this.data } : undefined,
    );
  }

  apply({ metadata, data }: Parameters<CheckpointStore['apply']>[0]): Promise<unknown> {
    if (this.failing) return Promise.reject(new Error('the API server is away'));
    const isStale = this.data !== null && metadata.resourceVersion !== String(this.writes);
    if (isStale) return Promise.reject(new Error('conflict'));
    this.data = data;
    this.writes += 1;
    return Promise.resolve();
  }

  get size(): number {
    return this.data?.['checkpoint'] === undefined ? -1 : parseCheckpoint(this.data['checkpoint']).size;
  }
}

const signer = aSigner();
const logger = createLogger('publish-spec', 'silent');
const wait = { timeoutMs: 5_000, everyMs: 5 };
let databases: Databases;
beforeAll(async () => {
  databases = await Databases.start();
}, 60_000);
afterAll(() => databases.close());

const records = (from: number, count: number): ReturnType<typeof aRecord>[] =>
  Array.from({ length: count }, (_none, at) => aRecord(from + at));

async function aLog(entries: number, from = 0) {
  const name = await databases.create();
  const db = await databases.app(name);
  const grow = async (more: number, first: number): Promise<{ size: number; note: string }[]> => {
    await append(db, records(first, more));
    return (await seal(db, { signer })).map(({ note }) => ({ note, size: parseCheckpoint(note).size }));
  };
  return { name, db, checkpoints: await grow(entries, from), grow };
}

describe('publishing checkpoints', () => {
  it('keeps the newest one outside the database, and not more often than it may', async () => {
    const { db, checkpoints } = await aLog(300);
    const store = new Store();
    const publisher = new CheckpointPublisher({ store, db, vkey: signer.vkey, logger, everyMs: 60_000 });
    for (const checkpoint of checkpoints) publisher.offer(checkpoint);
    await waitFor(() => store.writes === 1, { ...wait, what: 'the first write' });
    expect(store.size).toBeLessThan(300);
    await publisher.stop();
    expect(store).toMatchObject({ writes: 2, size: 300, data: { size: '300', key: signer.vkey } });
    expect(publisher.contradicted).toBeNull();
  });

  it('publishes the rotations that led to the key beside it, so that what older keys signed can still be told', async () => {
    const { db } = await aLog(10);
    const next = aSigner();
    await append(db, records(10, 10));
    const store = new Store();
    const publisher = new CheckpointPublisher({ store, db, vkey: next.vkey, logger, everyMs: 5 });
    for (const { note } of await seal(db, { signer: next, previousSigner: signer }))
      publisher.offer({ note, size: parseCheckpoint(note).size });
    await publisher.stop();
    const rotations = publishedRotationsSchema.parse(JSON.parse(store.data?.['rotations'] ?? ''));
    expect(formerKeys(next, rotations).map(({ key }) => key.vkey)).toEqual([signer.vkey]);
  });

  it('tries again until the store takes it', async () => {
    const { db, checkpoints } = await aLog(10);
    const store = new Store();
    store.failing = true;
    const publisher = new CheckpointPublisher({ store, db, vkey: signer.vkey, logger, everyMs: 5 });
    checkpoints.forEach(publisher.offer);
    store.failing = false;
    await waitFor(() => store.size === 10, { ...wait, what: 'the checkpoint' });
    await publisher.stop();
  });

  it.each<[string, number, number, RegExp]>([
    ['lost its end', 40, 0, /a checkpoint of 100 entries was published, the log has 40/],
    ['was rewritten', 150, 1_000, /of 100 entries has another root/],
  ])('never replaces the evidence of a log that %s', async (_what, entries, from, reason) => {
    const { db, checkpoints } = await aLog(100);
    const store = new Store();
    const publisher = new CheckpointPublisher({ store, db, vkey: signer.vkey, logger, everyMs: 5 });
    checkpoints.forEach(publisher.offer);
    await publisher.stop();
    expect(store.size).toBe(100);
    const published = store.data;

    const other = await aLog(entries, from);
    const after = new CheckpointPublisher({ store, db: other.db, vkey: signer.vkey, logger, everyMs: 5 });
    other.checkpoints.forEach(after.offer);
    await waitFor(() => after.contradicted, { ...wait, what: 'the contradiction' });
    await after.stop();
    expect(after.contradicted).toMatch(reason);
    expect(store.data).toEqual(published);
  });

  it.each<[string, (store: Store, older: string) => void, RegExp]>([
    ['taken away', (store) => (store.data = null), /of 100 entries was taken away/],
    [
      'exchanged for a text',
      (store) => (store.data = { checkpoint: 'nothing' }),
      /of 100 entries was exchanged for a text/,
    ],
    [
      'exchanged for an older one',
      (store, older) => (store.data = { ...store.data, checkpoint: older }),
      /of 100 entries was exchanged for one of 50/,
    ],
  ])('says that it was %s, once, and publishes it again', async (_what, attack, reason) => {
    const { db, checkpoints } = await aLog(100);
    const store = new Store();
    const publisher = new CheckpointPublisher({ store, db, vkey: signer.vkey, logger, everyMs: 250 });
    checkpoints.forEach(publisher.offer);
    await waitFor(() => store.size === 100, { ...wait, what: 'the checkpoint' });
    await waitFor(async () => (await publisher.alteration()) === null, { ...wait, what: 'the end of the write' });
    attack(store, checkpoints[0]?.note ?? '');
    const watch = new PublishedWatch(
      db,
      () => publisher.refused,
      () => publisher.alteration(),
    );
    expect(await watch.look()).toMatchObject([
      { fault: 'checkpoint-replaced', message: expect.stringMatching(reason) as unknown },
    ]);
    await waitFor(() => store.data?.['size'] === '100' && store.size === 100, { ...wait, what: 'it again' });
    await waitFor(async () => (await watch.look()).length === 0, { ...wait, what: 'nothing to be wrong' });
    await publisher.stop();
  });

  it('takes one that no key of the log signed for no evidence of it, and keeps it', async () => {
    const { db, checkpoints } = await aLog(100);
    const store = new Store();
    const forged = signCheckpoint({ origin: ORIGIN, size: 60, root: Buffer.alloc(32), previous: null }, [aSigner()]);
    store.data = { checkpoint: forged };
    const publisher = new CheckpointPublisher({ store, db, vkey: signer.vkey, logger, everyMs: 5 });
    checkpoints.forEach(publisher.offer);
    await waitFor(() => publisher.contradicted, { ...wait, what: 'the contradiction' });
    await publisher.stop();
    expect(publisher.contradicted).toMatch(/60 entries is signed by no key of this log/);
    expect(store.data).toEqual({ checkpoint: forged });
  });

  it('goes on from what another process published', async () => {
    const { db, checkpoints, grow } = await aLog(100);
    const store = new Store();
    const options = { store, db, vkey: signer.vkey, logger, everyMs: 5 };
    const first = new CheckpointPublisher(options);
    checkpoints.forEach(first.offer);
    await first.stop();
    const later = await grow(60, 100);
    const second = new CheckpointPublisher(options);
    later.forEach(second.offer);
    await second.stop();
    expect(store.size).toBe(160);
    const overtaken = new CheckpointPublisher(options);
    checkpoints.forEach(overtaken.offer);
    await overtaken.stop();
    expect(store.size).toBe(160);
  });

  it('catches up when PostgreSQL was killed between sealing and publishing, and never goes back', async () => {
    const { db, checkpoints, grow } = await aLog(100);
    const store = new Store();
    const options = { store, db, vkey: signer.vkey, logger, everyMs: 5 };
    const first = new CheckpointPublisher(options);
    checkpoints.forEach(first.offer);
    await waitFor(() => store.size === 100, { ...wait, what: 'the checkpoint before' });
    const later = await grow(60, 100);
    const reads = store.reads;
    await databases.server.crash();
    later.forEach(first.offer);
    await waitFor(() => store.reads > reads + 2, { ...wait, what: 'vain attempts' });
    expect(store.size).toBe(100);
    expect(first.contradicted).toBeNull();
    await databases.server.start();
    await waitFor(() => store.size === 160, { ...wait, what: 'the newest checkpoint' });
    await first.stop();
    const { writes } = store;
    const late = new CheckpointPublisher(options);
    checkpoints.forEach(late.offer);
    await late.stop();
    expect(store).toMatchObject({ size: 160, writes });
  });

  /** A process that does nothing but seal and publish. */
  function governance(db: DataSource, store: Store) {
    const publisher = new CheckpointPublisher({ store, db, vkey: signer.vkey, logger, everyMs: 5 });
    const sealer = aSealer(db, { signer, onCheckpoint: publisher.offer });
    sealer.start();
    return {
      publisher,
      stop: async () => {
        await sealer.stop();
        await publisher.stop();
      },
    };
  }

  it('publishes after a restart what was sealed and not published, without waiting for another entry', async () => {
    const { db } = await aLog(120);
    const store = new Store();
    const restarted = governance(db, store);
    await waitFor(() => store.size === 120, { ...wait, what: 'the checkpoint that was sealed before' });
    await restarted.stop();
  });

  it('says after a restart that the database is an older copy, and keeps the evidence', async () => {
    const { db, name } = await aLog(100);
    await db.destroy();
    const backup = await databases.copy(name);
    const store = new Store();
    const before = await databases.app(name);
    await append(before, records(100, 60));
    const running = governance(before, store);
    await waitFor(() => store.size === 160, { ...wait, what: 'all to be published' });
    await databases.server.crash();
    await running.stop();
    await databases.server.start();
    const published = store.data;
    const restored = governance(await databases.app(backup), store);
    await waitFor(() => restored.publisher.contradicted, { ...wait, what: 'the contradiction' });
    await restored.stop();
    expect(restored.publisher.contradicted).toMatch(/a checkpoint of 160 entries was published, the log has 100/);
    expect(store.data).toEqual(published);

    const again = await databases.app(backup);
    const { checkpoint = '' } = restored.publisher.refused ?? {};
    const said = { actor: { name: 'ada' }, requestId: null, reason: 'the disk was lost, the loss is known' };
    await again.transaction((tx) => answerFor(tx, [], { ...said, checkpoint }));
    const answered = governance(again, store);
    await waitFor(() => store.size === 101, { ...wait, what: 'the log to be published again' });
    await answered.stop();
    expect(answered.publisher.contradicted).toBeNull();
  });
});
