import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Anchor, type NoteSigner, parseCheckpoint, verifyLog, type VerifyReport } from '@scc/audit';
import { waitFor } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { appendAudit } from './append.js';
import {
  append,
  aRecord,
  aSealer,
  aSigner,
  countUnsealed,
  Databases,
  ORIGIN,
  seal,
  SecondVerifier,
} from './audit-log.fixture.js';
import { readLog } from './log-reader.js';
import { loadLogState } from './log-state.js';
import { sealingLag } from './queries.js';

const wait = { timeoutMs: 20_000, everyMs: 10 };
const signer = aSigner();
let databases: Databases;
let secondVerifier: SecondVerifier;
beforeAll(async () => {
  secondVerifier = await SecondVerifier.build();
  databases = await Databases.start();
}, 60_000);
afterAll(async () => {
  await databases.close();
  await secondVerifier.remove();
});

const aLog = async (): Promise<DataSource> => databases.app(await databases.create());
const records = (count: number): ReturnType<typeof aRecord>[] =>
  Array.from({ length: count }, (_none, at) => aRecord(at));
const allSealed = (source: DataSource) =>
  waitFor(async () => (await countUnsealed(source)) === 0, { ...wait, what: 'every entry to be sealed' });

/** The verdict that both verifiers must give. */
async function verdictOf(
  source: DataSource,
  known: { anchors?: Anchor[]; pinned?: NoteSigner } = {},
): Promise<VerifyReport> {
  const trust = { origin: ORIGIN, keys: [(known.pinned ?? signer).vkey], anchors: known.anchors ?? [], receipts: [] };
  const log = () => readLog(source, { origin: ORIGIN, exportedAt: new Date() });
  const report = await verifyLog(log(), trust);
  expect((await secondVerifier.verify(log(), trust)).verdict).toBe(report.verdict);
  return report;
}

describe('appending', () => {
  it('is part of the transaction of the change', async () => {
    const source = await aLog();
    await expect(
      source.transaction(async (tx) => {
        await appendAudit(tx, aRecord(1));
        throw new Error('the change failed');
      }),
    ).rejects.toThrow('the change failed');
    await append(source, [aRecord(2)]);
    await seal(source, { signer });
    expect(await verdictOf(source)).toMatchObject({ verdict: 'clean', checked: { sealed: 1 } });
  });

  it.each([
    'update audit_entry set actor = actor',
    'delete from audit_entry',
    'truncate audit_entry',
    'delete from audit_seal',
    'update audit_checkpoint set note = note',
    'alter table audit_entry disable trigger all',
    'drop table audit_entry cascade',
    `set session_replication_role = 'replica'`,
    `insert into audit_key (vkey) select vkey from audit_key on conflict (vkey) do update set vkey = 'x'`,
  ])('is all that the role of the service may do: %s', async (statement) => {
    const source = await aLog();
    await append(source, [aRecord(1)]);
    await expect(source.query(statement)).rejects.toThrow(/permission denied|must be owner/);
  });

  it('is all that even the owner does by accident', async () => {
    const name = await databases.create();
    await append(await databases.app(name), [aRecord(1)]);
    const admin = await databases.admin(name);
    for (const statement of ['update audit_entry set actor = actor', 'delete from audit_entry', 'truncate audit_entry'])
      await expect(admin.query(`set role scc_owner; ${statement}`)).rejects.toThrow(/append-only/);
  });

  it('refuses an entry that is a document', async () => {
    const source = await aLog();
    await expect(append(source, [{ ...aRecord(1), details: 'x'.repeat(70_000) }])).rejects.toThrow(/65536 are allowed/);
  });
});

describe('the sealer', () => {
  it('seals each entry once while eight writers append and roll back', async () => {
    const source = await aLog();
    const sealer = aSealer(source, { signer, batchSize: 37 });
    sealer.start();
    const writer = async (number: number): Promise<void> => {
      for (let round = 0; round < 40; round += 1)
        await source
          .transaction(async (tx) => {
            await appendAudit(tx, aRecord(number * 100 + round));
            if (round % 5 === 0) throw new Error('rolled back');
          })
          .catch((error: unknown) => expect(String(error)).toContain('rolled back'));
    };
    await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(writer));
    await allSealed(source);
    await sealer.stop();
    expect(await verdictOf(source)).toMatchObject({ verdict: 'clean', checked: { sealed: 8 * 32, unsealed: 0 } });
  });

  it('comes back for a transaction that was open while later ones were sealed', async () => {
    const source = await aLog();
    const slow = source.createQueryRunner();
    await slow.startTransaction();
    await appendAudit(slow.manager, aRecord(1));
    const sealer = aSealer(source, { signer, batchSize: 10 });
    sealer.start();
    for (let round = 0; round < 5; round += 1) await append(source, records(30));
    await waitFor(async () => (await sealingLag(source)).size === 150, { ...wait, what: 'the others to be sealed' });
    await slow.commitTransaction();
    await slow.release();
    await allSealed(source);
    await sealer.stop();
    expect(await verdictOf(source)).toMatchObject({ verdict: 'clean', checked: { sealed: 151 } });
  });

  it('is one of many, and another takes over when it loses its connection', async () => {
    const name = await databases.create();
    const source = await databases.app(name);
    const admin = await databases.admin(name);
    const sealers = ['a', 'b', 'c'].map((holder) => aSealer(source, { signer, holder }));
    sealers.forEach((sealer) => sealer.start());
    for (let round = 0; round < 6; round += 1) {
      await append(source, records(40));
      await allSealed(source);
      await admin.query(
        `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock'
         and database = (select oid from pg_database where datname = current_database())`,
      );
    }
    await append(source, records(40));
    await allSealed(source);
    await Promise.all(sealers.map((sealer) => sealer.stop()));
    const [epochs] = await admin.query<{ count: string }[]>('select count(*) from audit_epoch');
    expect(Number(epochs?.count)).toBeGreaterThan(6);
    expect(await verdictOf(source)).toMatchObject({ verdict: 'clean', checked: { sealed: 280 } });
  });

  it('finds what was left far behind the end of the log that it takes over', async () => {
    const source = await aLog();
    const slow = source.createQueryRunner();
    await slow.startTransaction();
    await appendAudit(slow.manager, aRecord(1));
    for (let round = 0; round < 11; round += 1) await append(source, records(1_000));
    const first = aSealer(source, { signer, batchSize: 1_000 });
    first.start();
    await waitFor(async () => (await sealingLag(source)).size === 11_000, { ...wait, what: 'the others to be sealed' });
    await first.stop();
    await slow.commitTransaction();
    await slow.release();
    await seal(source, { signer });
    expect(await verdictOf(source)).toMatchObject({ verdict: 'clean', checked: { sealed: 11_001, unsealed: 0 } });
  });

  it.each([
    ['a seal', 300, `update audit_seal set leaf_hash = sha256('x') where index = 290`],
    ['a tile', 300, `update audit_tile set root = sha256('x') where index = 0`],
  ])('does not build on %s at the edge that was altered', async (_what, entries, alteration) => {
    const name = await databases.create();
    const source = await databases.app(name);
    await append(source, records(entries));
    await seal(source, { signer });
    await expect(loadLogState(source, ORIGIN, [signer])).resolves.toMatchObject({ newest: { size: entries } });
    const admin = await databases.admin(name);
    await admin.transaction(async (tx) => {
      for (const table of ['audit_seal', 'audit_tile']) await tx.query(`alter table ${table} disable trigger all`);
      await tx.query(alteration);
      for (const table of ['audit_seal', 'audit_tile']) await tx.query(`alter table ${table} enable trigger all`);
    });
    await expect(loadLogState(source, ORIGIN, [signer])).rejects.toThrow(/are not what the newest checkpoint signed/);
  });

  it('13: is refused by the database once another has taken a newer epoch', async () => {
    const source = await aLog();
    const sealer = aSealer(source, { signer, standbyMs: 60_000 });
    sealer.start();
    await append(source, records(10));
    await allSealed(source);
    await source.query(`insert into audit_epoch (holder) values ('usurper')`);
    await append(source, records(10));
    const stale = `insert into audit_seal (index, entry, leaf_hash, epoch) select 10, id, leaf_hash, 1 from audit_entry where id = 11`;
    await expect(source.query(stale)).rejects.toThrow(/epoch 1 was overtaken/);
    const gap = stale.replace('select 10, id, leaf_hash, 1', 'select 11, id, leaf_hash, 2');
    await expect(source.query(gap)).rejects.toThrow(/leave a gap/);
    await sealer.stop();
    expect(await countUnsealed(source)).toBe(10);
    await seal(source, { signer });
    expect(await verdictOf(source)).toMatchObject({ verdict: 'clean', checked: { sealed: 20 } });
  });

  it('does not seal on over a log that was cut, and says so through the lag', async () => {
    const name = await databases.create();
    const source = await databases.app(name);
    await append(source, records(30));
    const anchors = await seal(source, { signer });
    const admin = await databases.admin(name);
    await admin.query('alter table audit_seal disable trigger all');
    await admin.query('delete from audit_seal where index >= 20');
    await append(source, records(5));
    const sealer = aSealer(source, { signer });
    sealer.start();
    await waitFor(async () => (await admin.query<unknown[]>('select from audit_epoch')).length > 3, {
      ...wait,
      what: 'the sealer to have tried',
    });
    await sealer.stop();
    expect(await sealingLag(source)).toMatchObject({ size: 20, unsealed: 15 });
    expect(await verdictOf(source, { anchors })).toMatchObject({
      verdict: 'tampered',
      first: { fault: 'tail-truncated', index: 20 },
    });
  });
});

describe('key rotation', () => {
  const next = aSigner();
  const keyIds = (anchors: readonly Anchor[]): number[] =>
    anchors.flatMap(({ note }) => parseCheckpoint(note).signatures.map(({ keyId }) => keyId));

  it('hands the log over by an entry that both keys signed; either key may be pinned', async () => {
    const source = await aLog();
    await append(source, records(60));
    const before = await seal(source, { signer });
    await append(source, records(60));
    const during = await seal(source, { signer: next, previousSigner: signer });
    await append(source, records(60));
    const after = await seal(source, { signer: next });
    expect(new Set(keyIds(before))).toEqual(new Set([signer.keyId]));
    expect(keyIds(during)).toContain(next.keyId);
    expect(new Set(keyIds(after))).toEqual(new Set([next.keyId]));
    const anchors = [...before, ...during, ...after];
    for (const pinned of [signer, next])
      expect(await verdictOf(source, { anchors, pinned })).toMatchObject({
        verdict: 'clean',
        findings: [],
        checked: { sealed: 181 },
      });
    expect((await verdictOf(source, { anchors, pinned: aSigner() })).first).toMatchObject({ fault: 'key-replaced' });
  });

  it('is refused without the old key', async () => {
    const source = await aLog();
    await append(source, records(10));
    await seal(source, { signer });
    await append(source, records(10));
    const stranger = aSealer(source, { signer: next });
    stranger.start();
    await waitFor(async () => (await source.query<unknown[]>('select from audit_epoch')).length > 2, {
      ...wait,
      what: 'the sealer to have tried',
    });
    await stranger.stop();
    expect(await countUnsealed(source)).toBe(10);
    await seal(source, { signer });
    expect(await verdictOf(source)).toMatchObject({ verdict: 'clean', checked: { sealed: 20 } });
  });
});
