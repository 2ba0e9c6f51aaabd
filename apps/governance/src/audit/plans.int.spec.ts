import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KEY_ROTATED } from '@scc/audit';
import { ulid } from 'ulid';
import { z } from 'zod';
import { EVERYWHERE } from '../call/scope.js';
import type { Queryable } from '../database/rows.js';
import { domainDatabase, type DomainDatabase } from '../governance.fixture.js';
import { append, aRecord } from './audit-log.fixture.js';
import { consistencyOf, entryDetail, listEntries, receiptOf, sealingLag, auditStateOf } from './queries.js';
import { SELECT_UNSEALED, UnsealedEntries } from './unsealed.js';

const ENTRIES = 1_000_000;
/** Rows that a filter throws away, or ten thousand lookups: far below reading everything. */
const MAX_ROWS_READ = 40_000;

/** Entries of a year: 500 people, 20 actions, 2,000 plans; the last ten wait for the sealer. */
const FILL = [
  `insert into audit_entry (entry_id, body, leaf_hash, occurred_at, actor, action, object_kind, object_namespace, object_name, request_id)
   select 'e' || n,
     convert_to('{"action":"a","actor":{"name":"u"},"details":null,"id":"e","object":{"kind":"k"},"occurredAt":"2026-01-01T00:00:00.000Z","requestId":null,"v":1}', 'UTF8'),
     sha256(n::text::bytea), timestamptz '2025-11-01' + n * interval '31 seconds', 'user-' || n % 500, 'action-' || n % 20,
     'SCCMigrationPlan', 'ns-' || n % 100, 'plan-' || n % 2000, 'r' || n
   from generate_series(1, ${ENTRIES}) n`,
  `insert into audit_epoch (holder) values ('spec')`,
  `insert into audit_seal (index, entry, leaf_hash, epoch) select id - 1, id, leaf_hash, 1 from audit_entry where id <= ${ENTRIES - 10}`,
  'vacuum analyze',
];

let database: DomainDatabase;
beforeAll(async () => {
  database = await domainDatabase({ shared_buffers: '256MB', max_wal_size: '4GB', maintenance_work_mem: '128MB' });
  for (const statement of FILL) await database.admin.query(statement);
}, 300_000);
afterAll(() => database.close());

interface PlanNode {
  'Relation Name'?: string | undefined;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number | undefined;
  'Rows Removed by Index Recheck'?: number | undefined;
  Plans?: PlanNode[] | undefined;
}
const nodeSchema: z.ZodType<PlanNode> = z.lazy(() =>
  z.object({
    'Relation Name': z.string().optional(),
    'Actual Rows': z.number(),
    'Actual Loops': z.number(),
    'Rows Removed by Filter': z.number().optional(),
    'Rows Removed by Index Recheck': z.number().optional(),
    Plans: z.array(nodeSchema).optional(),
  }),
);
const explainSchema = z.array(z.object({ 'QUERY PLAN': z.tuple([z.object({ Plan: nodeSchema })]) }));

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
const readBy = (node: PlanNode): number =>
  node['Relation Name']?.startsWith('audit_')
    ? node['Actual Loops'] *
      (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0))
    : 0;

/** Rows that the statements of the work read from entries and seals, thrown away ones included. */
async function rowsRead(work: (db: Queryable) => Promise<unknown>): Promise<number> {
  const statements: [string, unknown[]][] = [];
  const recording: Queryable = {
    query: async <Rows>(sql: string, parameters: unknown[] = []): Promise<Rows> => {
      statements.push([sql, parameters]);
      return database.app.query<Rows>(sql, parameters);
    },
  };
  await work(recording);
  let rows = 0;
  for (const [sql, parameters] of statements) {
    const explained = explainSchema.parse(
      await database.admin.query(`explain (analyze, timing off, format json) ${sql}`, parameters),
    );
    for (const { 'QUERY PLAN': plan } of explained)
      rows += nodesOf(plan[0].Plan).reduce((sum, node) => sum + readBy(node), 0);
  }
  return rows;
}

const page = { limit: 100, before: null, scope: EVERYWHERE };
const summer = { from: '2026-07-01T00:00:00Z', to: '2026-07-01T06:00:00Z' };

describe('with 1,000,000 entries', () => {
  it.each<[string, (db: Queryable) => Promise<unknown>]>([
    ['the newest page', (db) => listEntries(db, {}, page)],
    ['a page in the middle', (db) => listEntries(db, {}, { ...page, before: '400000' })],
    ['the entries of an actor', (db) => listEntries(db, { actor: 'user-7' }, page)],
    ['an actor that is not there', (db) => listEntries(db, { actor: 'nobody' }, page)],
    ['an action', (db) => listEntries(db, { action: 'action-7' }, page)],
    ['an action that never was', (db) => listEntries(db, { action: 'never' }, page)],
    ['a plan', (db) => listEntries(db, { kind: 'SCCMigrationPlan', namespace: 'ns-7', name: 'plan-107' }, page)],
    ['a request', (db) => listEntries(db, { requestId: 'r4711' }, page)],
    ['a few hours of last summer', (db) => listEntries(db, summer, page)],
    ['an actor in these hours', (db) => listEntries(db, { ...summer, actor: 'user-7' }, page)],
    ['one entry', (db) => entryDetail(db, 'e4711', null)],
    ['a receipt', (db) => receiptOf(db, 'e4711')],
    ['a receipt that is not there', (db) => receiptOf(db, ulid()).catch(() => undefined)],
    ['the lag of the sealer', (db) => sealingLag(db)],
    ['the state of the log', (db) => auditStateOf(db, 'origin')],
    ['a consistency proof of nothing', (db) => consistencyOf(db, 0, 0)],
  ])('%s is found without reading them all', async (_what, work) => {
    expect(await rowsRead(work)).toBeLessThan(MAX_ROWS_READ);
  });

  it('are no burden for the sealer, which looks for new ones ten times a second', async () => {
    const [newest] = await database.app.query<{ transaction: string }[]>(
      'select max(transaction_id) as transaction from audit_entry',
    );
    await append(database.app, [aRecord(1), aRecord(2)]);
    expect(
      await rowsRead((db) => db.query(SELECT_UNSEALED, [newest?.transaction, ENTRIES - 100, 500, KEY_ROTATED])),
    ).toBeLessThan(1_000);
  });

  it('are no burden for a sealer that takes over', async () => {
    let found = 0;
    const rows = await rowsRead(async (db) => {
      const unsealed = await UnsealedEntries.after(db);
      found = (await unsealed.next(500)).length;
      await unsealed.missed();
    });
    expect(rows).toBeLessThan(MAX_ROWS_READ);
    expect(found).toBe(12);
  });

  it('counts what waits for the sealer', async () => {
    expect(await sealingLag(database.app)).toMatchObject({ size: ENTRIES - 10, unsealed: 12 });
  });
});
