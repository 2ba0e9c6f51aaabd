import { PHASES, trafficSummarySchema } from '@scc/plan';
import { z } from 'zod';
import { likePatterns, type Scope } from '../access/scope.js';
import { Refusal } from '../database/refusal.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';

export const migrationFilterSchema = z.object({
  phase: z.enum(PHASES).optional(),
  namespace: z.string().max(63).optional(),
  workload: z.string().max(253).optional(),
  sourceSCC: z.string().max(253).optional(),
  targetSCC: z.string().max(253).optional(),
  author: z.string().max(253).optional(),
  riskBand: z.enum(['low', 'medium', 'high', 'critical']).optional(),
  outcome: z.enum(['completed', 'rolledBack', 'rejected', 'dryRun']).optional(),
});
export type MigrationFilter = z.infer<typeof migrationFilterSchema>;

/** Where a page ended: newest first, by the time of the first event and the uid. */
export const migrationPositionSchema = z.object({ startedAt: z.iso.datetime(), uid: z.string() });
export type MigrationPosition = z.infer<typeof migrationPositionSchema>;

const summaryRow = z
  .object({
    plan_uid: z.string(),
    namespace: z.string(),
    name: z.string(),
    phase: z.enum(PHASES),
    message: z.string(),
    source_scc: z.string().nullable(),
    target_scc: z.string().nullable(),
    author: z.string().nullable(),
    workload_kind: z.string().nullable(),
    workload_name: z.string().nullable(),
    risk_band: z.string().nullable(),
    change_risk: z.number().nullable(),
    exposure: z.number().nullable(),
    weight: z.int(),
    waiting_for: z.string().nullable(),
    outcome: z.string().nullable(),
    undo_cause: z.string().nullable(),
    traffic: trafficSummarySchema.nullable(),
    workflow_id: z.string().nullable(),
    run_id: z.string().nullable(),
    started_at: z.date(),
    finished_at: z.date().nullable(),
    updated_at: z.date(),
    events: z.int(),
  })
  .transform((row) => ({
    uid: row.plan_uid,
    namespace: row.namespace,
    name: row.name,
    phase: row.phase,
    message: row.message,
    sourceSCC: row.source_scc,
    targetSCC: row.target_scc,
    author: row.author,
    workload: row.workload_kind && row.workload_name ? { kind: row.workload_kind, name: row.workload_name } : null,
    risk: row.risk_band && { band: row.risk_band, changeRisk: row.change_risk, exposure: row.exposure },
    weight: row.weight,
    waitingFor: row.waiting_for,
    outcome: row.outcome,
    undoCause: row.undo_cause,
    traffic: row.traffic,
    workflowId: row.workflow_id,
    runId: row.run_id,
    startedAt: row.started_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    updatedAt: row.updated_at.toISOString(),
    events: row.events,
  }));
export type MigrationSummary = z.infer<typeof summaryRow>;

const FILTER_COLUMNS: Record<keyof MigrationFilter, string> = {
  phase: 'phase',
  namespace: 'namespace',
  workload: 'workload_name',
  sourceSCC: 'source_scc',
  targetSCC: 'target_scc',
  author: 'author',
  riskBand: 'risk_band',
  outcome: 'outcome',
};

/** One page of migrations, newest first. */
export function listMigrations(
  db: Queryable,
  filter: MigrationFilter,
  page: { limit: number; after: MigrationPosition | null; scope: Scope },
): Promise<MigrationSummary[]> {
  const parameters: unknown[] = [];
  const conditions = Object.entries(FILTER_COLUMNS).flatMap(([key, column]) => {
    const value = filter[key as keyof MigrationFilter];
    return value === undefined ? [] : [`${column} = $${parameters.push(value)}`];
  });
  const patterns = likePatterns(page.scope);
  if (patterns) conditions.push(`namespace like any($${parameters.push(patterns)}::text[])`);
  if (page.after) {
    const last = parameters.push(page.after.startedAt, page.after.uid);
    conditions.push(`(started_at, plan_uid) < ($${last - 1}::timestamptz, $${last})`);
  }
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  return rowsOf(
    db,
    summaryRow,
    `select * from view_migration ${where} order by started_at desc, plan_uid desc limit $${parameters.push(page.limit)}`,
    parameters,
  );
}

const gateRow = z.object({
  gate: z.string(),
  verdict: z.string(),
  value: z.number().nullable(),
  detail: z.string(),
  weight: z.int(),
  at: z.date().transform((at) => at.toISOString()),
});
const weightRow = z
  .object({ canary: z.int(), stable: z.int(), verified_by: z.string(), at: z.date() })
  .transform(({ verified_by: verifiedBy, at, ...row }) => ({ ...row, verifiedBy, at: at.toISOString() }));
const podRow = z
  .object({
    pod_uid: z.string(),
    name: z.string(),
    node: z.string().nullable(),
    role: z.enum(['before', 'canary', 'after']),
    scc: z.string().nullable(),
  })
  .transform(({ pod_uid: uid, ...row }) => ({ uid, ...row }));

export interface MigrationDetail extends MigrationSummary {
  gates: z.infer<typeof gateRow>[];
  weights: z.infer<typeof weightRow>[];
  pods: z.infer<typeof podRow>[];
}

/** Everything that the read model holds of one migration. @throws Refusal `notFound` */
export async function migrationDetail(db: Queryable, uid: string): Promise<MigrationDetail> {
  const summary = await rowOf(db, summaryRow, 'select * from view_migration where plan_uid = $1', [uid]);
  if (!summary) throw new Refusal('notFound', `no migration ${uid}`);
  return {
    ...summary,
    gates: await rowsOf(
      db,
      gateRow,
      'select gate, verdict, value, detail, weight, at from view_gate where plan_uid = $1 order by position',
      [uid],
    ),
    weights: await rowsOf(
      db,
      weightRow,
      'select canary, stable, verified_by, at from view_weight where plan_uid = $1 order by position',
      [uid],
    ),
    pods: await rowsOf(
      db,
      podRow,
      `select pod_uid, name, node, role, scc from view_pod where plan_uid = $1
       order by array_position(array['before', 'canary', 'after'], role), name`,
      [uid],
    ),
  };
}

const stepRow = z
  .object({
    id: z.string(),
    step: z.string(),
    detail: z.string(),
    allowed: z.boolean(),
    reason: z.string(),
    entry_id: z.string(),
    decided_at: z.date(),
  })
  .transform(({ entry_id: entryId, decided_at, ...row }) => ({ ...row, entryId, decidedAt: decided_at.toISOString() }));
export type StepRecord = z.infer<typeof stepRow>;

/** The steps that the engine asked about, in that order; one page after the given id. */
export const stepsOf = (
  db: Queryable,
  uid: string,
  page: { limit: number; after: string | null },
): Promise<StepRecord[]> =>
  rowsOf(
    db,
    stepRow,
    `select id, step, detail, allowed, reason, entry_id, decided_at from step_authorization
     where plan_uid = $1 and ($2::bigint is null or id > $2) order by id limit $3`,
    [uid, page.after, page.limit],
  );

export const eventPositionSchema = z.object({ at: z.iso.datetime(), runId: z.string(), sequence: z.int() });
export type EventPosition = z.infer<typeof eventPositionSchema>;

const eventRow = z
  .object({
    workflow_id: z.string(),
    run_id: z.string(),
    sequence: z.int(),
    phase: z.string(),
    at: z.date(),
    event: z.record(z.string(), z.unknown()),
    entry_id: z.string(),
  })
  .transform(({ workflow_id: workflowId, run_id: runId, entry_id: entryId, at, ...row }) => ({
    workflowId,
    runId,
    ...row,
    at: at.toISOString(),
    entryId,
  }));
export type EventRecord = z.infer<typeof eventRow>;

/** What the engine reported, by the time of the events; one page. */
export const eventsOf = (
  db: Queryable,
  uid: string,
  page: { limit: number; after: EventPosition | null },
): Promise<EventRecord[]> =>
  rowsOf(
    db,
    eventRow,
    `select workflow_id, run_id, sequence, phase, at, event, entry_id from migration_event
     where plan_uid = $1 and ($2::timestamptz is null or (at, run_id, sequence) > ($2, $3, $4))
     order by at, run_id, sequence limit $5`,
    [uid, page.after?.at, page.after?.runId, page.after?.sequence, page.limit],
  );
