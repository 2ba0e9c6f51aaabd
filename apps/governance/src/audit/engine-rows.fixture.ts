import { expect } from '@jest/globals';
import { workflowIdOf } from '@scc/migration/contract';
import { createLogger } from '@scc/runtime';
import { defaultSCCs } from '@scc/scc';
import type { DataSource } from 'typeorm';
import { begin, done } from '../engine/begin.js';
import { seenRuns } from '../engine/runs.js';
import { at, inTx, NOON } from '../governance.fixture.js';
import { followSCCs } from '../registry/follow.js';
import type { EXCHANGED_ROWS } from './exchanged-rows.fixture.js';

/** The first activity of the workflow of the plan, to its end, and one that is not its turn. */
export async function beginAs(source: DataSource, uid: string): Promise<void> {
  const workflowId = workflowIdOf({ namespace: 'shop', name: 'edited', uid });
  const ids = { workflowId, runId: 'r', activityId: '1', weight: null, withoutGovernance: null };
  const run = { ...ids, activity: 'recordPreImages' as const, way: 'forward' as const };
  const seen = await seenRuns(source, { uid, run, isRunning: () => Promise.resolve(true) });
  const context = { ...at(NOON), seen, mayGrant: () => Promise.resolve(true) };
  expect(await inTx(source, (tx) => begin(tx, uid, run, context))).toMatchObject({ allowed: true });
  expect(await inTx(source, (tx) => done(tx, uid, ids, at(NOON)))).toEqual({ recorded: true });
  const early = { ...run, activityId: '2', activity: 'removeCanary' as const };
  const now = { ...context, seen: await seenRuns(source, { uid, run, isRunning: () => Promise.resolve(true) }) };
  expect(await inTx(source, (tx) => begin(tx, uid, early, now))).toMatchObject({ allowed: false });
}

/** The SCCs of a cluster, taken over as governance does. */
export async function observeSCCs(source: DataSource): Promise<void> {
  const found = defaultSCCs().filter(({ metadata }) => metadata.name === 'restricted-v2');
  const informer = { start: () => undefined, stop: () => undefined, lastContactMs: () => 0, list: () => found };
  const makeInformer = () => ({ ...informer, synced: Promise.resolve() });
  await followSCCs({ source, makeInformer, logger: createLogger('engine-rows', 'silent') }).stop();
}

const editedPlan = `(select plan_uid from migration where name = 'edited')`;

/** Rows of the engine, of the risk models and of the registry of SCCs that no entry made or that were changed. */
export const ENGINE_ROWS: typeof EXCHANGED_ROWS = [
  [
    'an activity that never began',
    `insert into activity_begin (plan_uid, sequence, workflow_id, run_id, activity_id, activity, way, entry_id)
     values (${editedPlan}, 1, 'w', 'r', '2', 'shiftTraffic', 'forward', 'none')`,
    'row-without-entry activity_begin',
    /shiftTraffic/,
  ],
  [
    'another activity',
    `update activity_begin set activity = 'migrateWorkload'`,
    'row-differs activity_begin',
    /activity is "migrateWorkload", by the log "recordPreImages"/,
  ],
  ['an activity that is gone', `delete from activity_begin`, 'entry-without-row activity_begin', /activity_begin/],
  [
    'a claim that nobody made',
    `insert into workload_claim (plan_uid, namespace, kind, name) select plan_uid, 'shop', 'Deployment', 'cart' from migration where name = 'taken'`,
    'row-without-entry workload_claim',
    /cart/,
  ],
  [
    'a claim of another workload',
    `update workload_claim set name = 'cart' where plan_uid = ${editedPlan}`,
    'row-differs workload_claim',
    /name is "cart"/,
  ],
  [
    'a claim that was released for another plan',
    `update workload_claim set released_at = now() where plan_uid = ${editedPlan}`,
    'entry-without-row workload_claim',
    /workload_claim/,
  ],
  [
    'a risk model with other weights',
    `update risk_model set model = jsonb_set(model::jsonb, '{weights,1}', '0')::json`,
    'row-differs risk_model',
    /content/,
  ],
  [
    'a risk model that nobody fitted',
    `insert into risk_model (id, parent, feature_schema, kind, model, promotion, content_hash, entry_id, created_at)
     select 1, 0, feature_schema, 'learned', model, (select max(id) from risk_promotion), 'none', 'none', now() from risk_model`,
    'row-without-entry risk_model',
    /learned/,
  ],
  [
    'a champion that nobody promoted',
    `insert into risk_promotion (model, reason, evidence, promoted_by, entry_id, promoted_at) values (0, 'it is the best one', '{}', 'olga', 'none', now())`,
    'row-without-entry risk_promotion',
    /olga/,
  ],
  [
    'an SCC that permits more than the cluster said',
    `update scc_version set content = jsonb_set(content, '{allowPrivilegedContainer}', 'true')`,
    'row-differs scc_version',
    /content is/,
  ],
  [
    'a version of an SCC that the cluster never had',
    `insert into scc_version (name, content_hash, content, first_seen) values ('restricted-v2', repeat('0', 64), '{}', now())`,
    'row-without-entry scc_version',
    /restricted-v2/,
  ],
];
