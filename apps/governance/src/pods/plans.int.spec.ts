import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { EVERYWHERE } from '../call/scope.js';
import type { Database } from '../database/rows.js';
import { findMigration } from '../plans/store.js';
import { domainDatabase, type DomainDatabase } from '../governance.fixture.js';
import { listMigrations, stepsOf } from '../history/read.js';
import { auditOf } from '../history/proof.js';
import { workloadAt } from '../registry/queries.js';
import { countBySCC, findPods, transitionsOf } from './queries.js';

const PODS = 100_000;
const ENTRIES = 1_000_000;

let database: DomainDatabase;
beforeAll(async () => {
  database = await domainDatabase({ shared_buffers: '256MB', max_wal_size: '4GB' });
  for (const statement of FILL) await database.admin.query(statement);
}, 180_000);
afterAll(() => database.close());

/** One pod in a thousand runs under anyuid; one plan in a hundred is not over. */
const FILL = [
  `insert into tracked_pod (uid, namespace, name, scc, owner_kind, owner_name, first_seen, last_seen, gone_at, confirmed)
   select 'p' || n, 'ns-' || n % 200, 'pod-' || n, case when n % 1000 = 0 then 'anyuid' else 'restricted-v2' end,
     'Deployment', 'app-' || n % 5000, now(), now(), case when n % 10 = 1 then now() end, true
   from generate_series(1, ${PODS}) n`,
  `insert into pod_transition (uid, at, change, to_scc) select uid, now(), 'appeared', scc from tracked_pod`,
  `insert into migration (plan_uid, namespace, name) select 'm' || n, 'ns-' || n % 200, 'plan-' || n from generate_series(1, 50000) n`,
  `insert into view_migration (plan_uid, namespace, name, phase, message, weight, started_at, updated_at, events)
   select plan_uid, namespace, name, case when right(plan_uid, 2) = '00' then 'Migrating' else 'Completed' end, '', 0,
     now() - random() * interval '90 days', now(), 1
   from migration`,
  `insert into step_authorization (plan_uid, step, content_hash, detail, allowed, reason, entry_id)
   select plan_uid, 'Prepare', 'h', '', true, '', 'e' from migration`,
  `insert into scc_activation (namespace, kind, name, scc, reason, source_key, activated_at)
   select namespace, 'Deployment', name, 'anyuid', 'observed', plan_uid, now() from migration`,
  `insert into audit_entry (entry_id, body, leaf_hash, occurred_at, actor, action, object_kind, object_namespace, object_name)
   select 'e' || n, '\\x7b7d', sha256(n::text::bytea), now(), 'a', 'b', 'SCCMigrationPlan', 'ns-' || n % 50000 % 200, 'plan-' || n % 50000
   from generate_series(1, ${ENTRIES}) n`,
  `insert into scc_version (name, content_hash, content, first_seen)
   select 'scc-' || n % 50, 'h' || n, '{}', now() from generate_series(1, 5000) n`,
  `insert into scc_presence (name, version, present_from, present_to)
   select name, id, now() - (5001 - id) * interval '1 hour', now() - (5000 - id) * interval '1 hour' from scc_version`,
  `insert into audit_epoch (holder) values ('spec')`,
  'insert into audit_seal (index, entry, leaf_hash, epoch) select id - 1, id, leaf_hash, 1 from audit_entry',
  'vacuum analyze',
];

const planSchema = z.array(z.object({ 'QUERY PLAN': z.array(z.object({ Plan: z.record(z.string(), z.unknown()) })) }));

/** The plans of the statements that the work runs. */
async function plansOf(work: (db: Database) => Promise<unknown>): Promise<string> {
  const statements: [string, unknown[]][] = [];
  const logged = jest.spyOn(database.app.logger, 'logQuery').mockImplementation((sql, parameters) => {
    statements.push([sql, Array.isArray(parameters) ? parameters : []]);
  });
  await work(database.app).catch(() => undefined);
  logged.mockRestore();
  const plans = [];
  for (const [sql, parameters] of statements)
    plans.push(planSchema.parse(await database.admin.query(`explain (format json) ${sql}`, parameters)));
  return JSON.stringify(plans);
}

/** Tables that are read whole; the checkpoints of the log are few here. */
const scanned = (plans: string): (string | undefined)[] =>
  [...plans.matchAll(/"Seq Scan"[^}]*?"Relation Name":"([a-z_]+)"/g)]
    .map(([, table]) => table)
    .filter((table) => table !== 'audit_checkpoint');

const page = { limit: 100, after: null, scope: EVERYWHERE };

describe('with 1,000,000 audit entries and 100,000 pods', () => {
  it.each<[string, (db: Database) => Promise<unknown>, string]>([
    [
      'which pods still run under an SCC',
      (db) => findPods(db, { scc: 'anyuid', running: true }, page),
      'tracked_pod_scc',
    ],
    ['all pods by place', (db) => findPods(db, { running: true }, page), 'tracked_pod_place'],
    [
      'the next page of pods',
      (db) => findPods(db, { running: true }, { ...page, after: { namespace: 'ns-5', name: 'a', uid: 'a' } }),
      'tracked_pod_place',
    ],
    [
      'the pods of a workload',
      (db) => findPods(db, { namespace: 'ns-7', ownerKind: 'Deployment', ownerName: 'app-7', running: false }, page),
      'tracked_pod_owner',
    ],
    ['transitions of a pod', (db) => transitionsOf(db, 'p77'), 'pod_transition_pod'],
    ['newest migrations', (db) => listMigrations(db, {}, page), 'view_migration_started'],
    ['migrations in a phase', (db) => listMigrations(db, { phase: 'Migrating' }, page), 'view_migration_phase'],
    ['migrations that run', (db) => listMigrations(db, { state: 'running' }, page), 'view_migration_running'],
    ['migrations that were undone', (db) => listMigrations(db, { state: 'undone' }, page), 'view_migration_undone'],
    ['migrations of a namespace', (db) => listMigrations(db, { namespace: 'ns-7' }, page), 'view_migration_namespace'],
    ['steps of a migration', (db) => stepsOf(db, 'm77', page), 'step_authorization_plan'],
    [
      'the SCC of a workload at a time',
      (db) => workloadAt(db, { namespace: 'ns-77', kind: 'Deployment', name: 'plan-77' }, new Date()),
      'scc_activation',
    ],
    ['the audit entries of a plan', async (db) => auditOf(db, await findMigration(db, 'm77')), 'audit_entry_object'],
  ])('finds %s by an index', async (_what, work, index) => {
    const plans = await plansOf(work);
    expect(plans).toContain(index);
    expect(scanned(plans)).toEqual([]);
  });

  it('counts pods by SCC', async () => {
    expect(await countBySCC(database.app, EVERYWHERE)).toEqual([
      { scc: 'restricted-v2', pods: 89_900 },
      { scc: 'anyuid', pods: 100 },
    ]);
  });
});
