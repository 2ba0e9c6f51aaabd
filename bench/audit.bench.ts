import { randomUUID } from 'node:crypto';
import { verifyLog } from '@scc/audit';
import { PLAN_GROUP } from '@scc/plan';
import { createLogger, waitFor } from '@scc/runtime';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import {
  Adoption,
  appendAudit,
  appendAuditBatch,
  aSigner,
  type AuditRecord,
  contradictionsIn,
  domainDatabase,
  inTransaction,
  readLog,
  Sealer,
  sealingLag,
} from '@scc/governance/testing';
import type { Bench, BenchResult } from './types.js';

const RUN_MS = 6_000;
const WARM_UP_MS = 1_500;
const WRITERS = [1, 8, 32];
const LOG_SIZE = 1_000_000;
const FILL_BATCH = 1_000;
const LOAD_WRITERS = 8;

const ORIGIN = `${PLAN_GROUP}/bench`;
/** About 700 bytes, as an approval or a step has. */
const aRecord = (number: number): AuditRecord => ({
  actor: { name: `user-${number % 50}@example.org`, groups: ['platform', 'shop-owners'], roles: ['approver'] },
  action: 'approval.granted',
  object: { kind: 'SCCMigrationPlan', namespace: `team-${number % 40}`, name: `plan-${number % 900}` },
  requestId: randomUUID(),
  details: {
    uid: randomUUID(),
    contentHash: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
    reason: 'reviewed together with the team that owns the service',
    risk: { band: 'medium', changeRisk: 0.21, exposure: 0.1, modelVersion: 'champion-0' },
    workload: { kind: 'Deployment', name: 'ledger', replicas: 3, serviceAccountName: 'ledger' },
    needs: [{ role: 'approver', count: 2 }],
  },
});

/** Calls per second of so many loops that each call again when the last call has ended. */
async function rate(writers: number, call: (writer: number) => Promise<unknown>): Promise<number> {
  const measureFrom = performance.now() + WARM_UP_MS;
  const end = measureFrom + RUN_MS;
  let calls = 0;
  const loop = async (writer: number): Promise<void> => {
    while (performance.now() < end) {
      await call(writer);
      if (performance.now() >= measureFrom && performance.now() < end) calls += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_none, writer) => loop(writer)));
  return calls / (RUN_MS / 1000);
}

/** The best that a program could do that only inserts: no transaction around it, no audit code, no search indexes. */
async function bareInserts(url: string, writers: number): Promise<number> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(
    'drop table if exists bare; create table bare (id bigint generated always as identity primary key, body bytea)',
  );
  await admin.end();
  const clients = Array.from({ length: writers }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  const body = Buffer.alloc(700, 1);
  const statement = { name: 'bare', text: 'insert into bare (body) values ($1)', values: [body] };
  const perSecond = await rate(writers, async (writer) => clients[writer]?.query(statement));
  await Promise.all(clients.map((client) => client.end()));
  return perSecond;
}

async function appends(source: DataSource, url: string): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  let number = 0;
  for (const writers of WRITERS) {
    const reference = await bareInserts(url, writers);
    const value = await rate(writers, () => inTransaction(source, (tx) => appendAudit(tx, aRecord((number += 1)))));
    results.push({
      name: 'audit-append',
      metric: `${writers} writers`,
      value,
      unit: '/s',
      reference,
      ratio: value / reference,
    });
  }
  return results;
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;

/** From the acknowledged commit of an entry to the commit of the checkpoint that covers it. */
async function lagUnderLoad(source: DataSource): Promise<BenchResult[]> {
  const committed = new Map<string, number>();
  const checkpoints: { size: number; at: number }[] = [];
  const sealer = aSealer(source, ({ size }) => checkpoints.push({ size, at: performance.now() }));
  const first = (await sealingLag(source)).size;
  sealer.start();
  await sealed(source);
  let number = 0;
  const perSecond = await rate(LOAD_WRITERS, async () => {
    const { entryId } = await inTransaction(source, (tx) => appendAudit(tx, aRecord((number += 1))));
    committed.set(entryId, performance.now());
  });
  await sealed(source);
  await sealer.stop();
  const rows = await source.query<{ index: string; entry_id: string }[]>(
    'select s.index, e.entry_id from audit_seal s join audit_entry e on e.id = s.entry where s.index >= $1 order by s.index',
    [first],
  );
  let next = 0;
  const lags = rows.flatMap(({ index, entry_id: id }) => {
    while ((checkpoints[next]?.size ?? Infinity) <= Number(index)) next += 1;
    const [at, from] = [checkpoints[next]?.at, committed.get(id)];
    return at === undefined || from === undefined ? [] : [Math.max(0, at - from)];
  });
  lags.sort((a, b) => a - b);
  const lag = (metric: string, share: number): BenchResult => ({
    name: 'audit-sealing-lag',
    metric,
    value: percentile(lags, share),
    unit: 'ms',
  });
  return [
    { name: 'audit-sealing-lag', metric: `appends, ${LOAD_WRITERS} writers`, value: perSecond, unit: '/s' },
    lag('p50', 0.5),
    lag('p99', 0.99),
  ];
}

const aSealer = (source: DataSource, onCheckpoint: (checkpoint: { size: number }) => void = () => undefined): Sealer =>
  new Sealer(source, {
    origin: ORIGIN,
    signer,
    previousSigner: null,
    holder: 'bench',
    logger: createLogger('audit-bench', 'error'),
    onCheckpoint,
  });
const signer = aSigner(ORIGIN);

const sealed = (source: DataSource): Promise<unknown> =>
  waitFor(async () => (await sealingLag(source)).unsealed === 0, { timeoutMs: 600_000, everyMs: 20, what: 'sealing' });

async function verification(source: DataSource): Promise<BenchResult[]> {
  const sealer = aSealer(source);
  sealer.start();
  const before = await sealingLag(source);
  for (let done = before.size + before.unsealed; done < LOG_SIZE; done += FILL_BATCH) {
    const batch = Array.from({ length: Math.min(FILL_BATCH, LOG_SIZE - done) }, (_none, at) => aRecord(done + at));
    await source.transaction((tx) => appendAuditBatch(tx, batch));
  }
  await sealed(source);
  await sealer.stop();
  const trust = { origin: ORIGIN, keys: [signer.vkey], anchors: [], receipts: [] };
  const cpu = process.cpuUsage();
  const start = performance.now();
  const report = await verifyLog(readLog(source, { origin: ORIGIN, exportedAt: new Date() }), trust);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  if (report.verdict !== 'clean' || report.checked.sealed < LOG_SIZE)
    throw new Error(`an untouched log of ${report.checked.sealed} entries is ${report.verdict}`);
  const size = `${LOG_SIZE.toLocaleString('en-US')} entries`;
  return [
    { name: 'audit-verify', metric: size, value: seconds, unit: 's' },
    // Beside the time on the clock, because that also holds the database's work and everything else that the machine does.
    { name: 'audit-verify', metric: `${size}, CPU of the verifier`, value: (user + system) / 1e6, unit: 's' },
  ];
}

async function run(): Promise<BenchResult[]> {
  const database = await domainDatabase({ fsync: 'on', shared_buffers: '256MB', max_wal_size: '4GB' });
  try {
    // Rows that the migrations put into tables of authority have no entries of their own.
    await new Adoption(database.app, contradictionsIn).adopt();
    const { options } = database.admin;
    const url = options.type === 'postgres' ? (options.url ?? '') : '';
    return [
      ...(await appends(database.app, url)),
      ...(await lagUnderLoad(database.app)),
      ...(await verification(database.app)),
    ];
  } finally {
    await database.close();
  }
}

const bench: Bench = { name: 'audit', run };
export default bench;
