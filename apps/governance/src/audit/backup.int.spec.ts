import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type HeldReceipt, verifyLog } from '@scc/audit';
import { createLogger, waitFor } from '@scc/runtime';
import { copyTables, restoreTables } from '@scc/testing/backup';
import { startPostgres } from '@scc/testing/postgres';
import { DataSource } from 'typeorm';
import { createBinding } from '../access/bindings.js';
import { migrateSchema, SCHEMA } from '../database/migrate.js';
import { TransactionClient } from '../database/transaction-client.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { MAPPING } from '../entities.js';
import { aRequest, at, inTx, NOON, ownWorkload, person } from '../governance.fixture.js';
import { Adoption } from './adoption.js';
import { answerFor } from './answers.js';
import { append, aRecord, aSealer, aSigner, ORIGIN } from './audit-log.fixture.js';
import { AuthorityWatch, contradictionsIn } from './authority-watch.js';
import { readLog } from './log-reader.js';
import { CheckpointPublisher, type CheckpointStore } from './publish.js';
import { PublishedWatch } from './published-watch.js';
import { SchemaWatch } from './schema-watch.js';
import { StateWatch } from './state-watch.js';

/** The database is lost for good, and a backup of some time before is restored as docs/BACKUP.md has it. */

const run = promisify(execFile);
const logger = createLogger('backup-spec', 'silent');
const signer = aSigner();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-backup-'));
  // PostgreSQL writes into it as another user.
  await chmod(folder, 0o777);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Way {
  /** Where PostgreSQL's programs are; absent for those of the tests, which have no pg_dump. */
  programs?: string;
  backup: (database: URL) => Promise<void>;
  restore: (database: URL) => Promise<void>;
}

const connect = (url: URL, poolSize = 12): Promise<DataSource> =>
  new DataSource({
    ...{ type: 'postgres', url: url.href, poolSize, ...MAPPING },
    extra: { Client: TransactionClient },
  }).initialize();

const migrate = (url: URL): Promise<string[]> =>
  migrateSchema({ connection: { connectionString: url.href }, ownerRole: 'scc_owner', folder: SCHEMA, logger });

/** Each table as it is, into a schema that the migrations of the same version made. */
const byCopy: Way = {
  backup: ({ href }) => copyTables(href, folder),
  restore: async (url) => {
    await migrate(url);
    await restoreTables(url.href, folder);
  },
};

/** The Debian packages of PostgreSQL keep the programs of each major version in a folder of its own. */
const DEBIAN = '/usr/lib/postgresql';
async function byDump(): Promise<Way | null> {
  for (const version of await readdir(DEBIAN).catch((): string[] => [])) {
    const programs = path.join(DEBIAN, version, 'bin');
    const there = await readdir(programs).catch((): string[] => []);
    if (!['initdb', 'postgres', 'pg_dump', 'pg_restore'].every((program) => there.includes(program))) continue;
    const file = (): string => path.join(folder, 'scc.dump');
    return {
      programs,
      backup: async (url) => {
        await run(path.join(programs, 'pg_dump'), ['--format=custom', `--file=${file()}`, url.href]);
      },
      restore: async (url) => {
        await run(path.join(programs, 'pg_restore'), ['--exit-on-error', `--dbname=${url.href}`, file()]);
      },
    };
  }
  process.stderr.write(`no pg_dump with its server in ${DEBIAN}: a backup is tried by COPY alone\n`);
  return null;
}

const dump = await byDump();
const ways: [string, Way][] = [
  ['COPY of every table', byCopy],
  ...(dump ? [['pg_dump and pg_restore', dump] as [string, Way]] : []),
];

/** The ConfigMap with the published checkpoint, which is not in the database. */
class Store implements CheckpointStore {
  data: Record<string, string> | null = null;
  get = (): Promise<unknown> =>
    Promise.resolve(this.data ? { metadata: { resourceVersion: '1' }, data: this.data } : undefined);
  apply = ({ data }: Parameters<CheckpointStore['apply']>[0]): Promise<unknown> => {
    this.data = data;
    return Promise.resolve();
  };
  get size(): number {
    return Number(this.data?.['size'] ?? -1);
  }
}

function governance(db: DataSource, store: Store) {
  const publisher = new CheckpointPublisher({ store, db, vkey: signer.vkey, logger, everyMs: 5 });
  const sealer = aSealer(db, { signer, onCheckpoint: publisher.offer });
  sealer.start();
  const also = [new SchemaWatch(db), new StateWatch(db), new PublishedWatch(db, () => publisher.refused)];
  return {
    publisher,
    watch: new AuthorityWatch({ source: db, logger, also }),
    stop: async () => {
      await sealer.stop();
      await publisher.stop();
    },
  };
}

const granter = { grants: [{ role: 'admin' as const, namespaces: '*', because: 'spec' }], scope: ['*'] };
const give = (db: DataSource, name: string) =>
  inTx(db, (tx) =>
    createBinding(
      tx,
      { role: 'approver', subject: { kind: 'User', name }, namespaces: 'shop' },
      granter,
      at(NOON, person('olga', 'admin')),
    ),
  );
const records = (from: number, count: number) => Array.from({ length: count }, (_none, index) => aRecord(from + index));
const wait = { timeoutMs: 30_000, everyMs: 20 };

async function entriesOf(db: DataSource): Promise<number> {
  const [counted] = await db.query<{ n: number }[]>('select count(*)::int as n from audit_entry');
  return counted?.n ?? 0;
}

describe.each(ways)('a backup by %s', (_name, { programs, backup, restore }) => {
  it('agrees with itself once it is restored, and what is missing is said until somebody has answered for it', async () => {
    const server = await startPostgres({}, programs);
    const url = new URL(server.url);
    try {
      const root = await connect(url, 1);
      for (const role of ['scc_owner nologin', `scc_app login password 'scc_app'`])
        await root.query(`create role ${role}`);
      await root.query('create database scc owner scc_owner');
      const [admin, service] = [new URL(url), new URL(url)];
      admin.pathname = service.pathname = '/scc';
      [service.username, service.password] = ['scc_app', 'scc_app'];
      await migrate(admin);
      const store = new Store();
      const db = await connect(service);
      await new Adoption(db, contradictionsIn).adopt();
      await give(db, 'bob');
      await inTx(db, (tx) => evaluatePlan(tx, aRequest(ownWorkload('kept')), at(NOON)));
      await append(db, records(0, 300));
      const before = governance(db, store);
      expect(await before.watch.look()).toEqual([]);
      await waitFor(async () => store.size === (await entriesOf(db)), { ...wait, what: 'all to be published' });
      const kept = store.size;
      await backup(admin);

      await give(db, 'carla');
      const receipts: HeldReceipt[] = await append(db, records(300, 40));
      await waitFor(async () => store.size === (await entriesOf(db)), { ...wait, what: 'the rest to be published' });
      const published = { source: 'ConfigMap', note: store.data?.['checkpoint'] ?? '' };
      await before.stop();
      await db.destroy();
      await root.query('drop database scc with (force)');
      await root.query('create database scc owner scc_owner');
      await root.destroy();
      await restore(admin);

      const again = await connect(service);
      const after = governance(again, store);
      await waitFor(() => after.publisher.contradicted, { ...wait, what: 'the gap to be found' });
      expect(await after.watch.look()).toMatchObject([{ fault: 'rolled-back', table: 'audit_checkpoint' }]);
      const report = await verifyLog(readLog(again, { origin: ORIGIN, exportedAt: new Date() }), {
        ...{ origin: ORIGIN, keys: [signer.vkey], anchors: [published], receipts },
      });
      expect(report.findings.map(({ fault }) => fault)).toEqual(
        expect.arrayContaining(['rolled-back', 'receipt-missing']),
      );
      // What was found is an entry itself, which may be sealed by then.
      expect(report.first).toMatchObject({ fault: 'rolled-back' });
      expect([kept, kept + 1]).toContain(report.first?.index);
      expect(report.totals['receipt-missing']).toBe(receipts.length);
      expect(await again.query('select subject_name as name from role_binding')).toEqual([{ name: 'bob' }]);

      // What was lost is given again under the old numbers, and nothing of it is taken for tampering.
      await give(again, 'carla');
      const said = { actor: { name: 'ada' }, requestId: null, reason: 'the disk was lost, the loss is known' };
      const { checkpoint = '' } = after.publisher.refused ?? {};
      const found = await after.watch.look();
      await inTx(again, (tx) => answerFor(tx, found, { ...said, checkpoint }));
      await waitFor(() => after.publisher.contradicted === null, { ...wait, what: 'the answer to count' });
      expect(await after.watch.look()).toEqual([]);
      await waitFor(async () => store.size === (await entriesOf(again)), { ...wait, what: 'publishing to go on' });
      await after.stop();
      await again.destroy();
    } finally {
      await server.stop();
    }
  });
});
