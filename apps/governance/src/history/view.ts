import type { WorkloadRef } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import type { MigrationView } from './project.js';
import type { MigrationRow } from '../plans/store.js';

interface Projected {
  view: MigrationView;
  workload: WorkloadRef | null;
}

/** Counts the ways in which events were folded: to be raised with each change of what a view says of the same events. */
export const PROJECTION = 3;

/** Replaces the read model of one migration. */
export async function saveView(
  tx: EntityManager,
  { planUid: uid, namespace, name, author }: MigrationRow,
  { view, workload }: Projected,
): Promise<void> {
  for (const table of ['view_gate', 'view_weight', 'view_pod', 'view_migration'])
    await tx.query(`delete from ${table} where plan_uid = $1`, [uid]);
  if (view.updatedAt === null) return;
  await tx.query(
    `insert into view_migration (plan_uid, namespace, name, phase, message, source_scc, target_scc, author, workload_kind,
       workload_name, risk_band, change_risk, exposure, strategy, weight, waiting_for, outcome, undo_cause, traffic, workflow_id,
       run_id, started_at, finished_at, updated_at, events, projection)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`,
    [
      uid,
      namespace,
      name,
      view.phase,
      view.message,
      view.sourceSCC,
      view.targetSCC,
      view.author ?? author,
      workload?.kind,
      workload?.name,
      view.risk?.band,
      view.risk?.changeRisk,
      view.risk?.exposure,
      view.strategy,
      view.weight,
      view.waitingFor,
      view.outcome,
      view.undoCause,
      view.traffic && JSON.stringify(view.traffic),
      view.workflowId,
      view.runId,
      view.startedAt,
      view.finishedAt,
      view.updatedAt,
      view.events,
      PROJECTION,
    ],
  );
  await saveParts(tx, uid, view);
}

async function saveParts(tx: EntityManager, uid: string, { gates, weights, pods }: MigrationView): Promise<void> {
  await tx.query(
    `insert into view_gate (plan_uid, position, gate, verdict, value, detail, weight, at, sides)
     select $1, position - 1, gate, verdict, value, detail, weight, at, sides
     from rows from (jsonb_to_recordset($2::jsonb) as (gate text, verdict text, value float8, detail text, weight int, at timestamptz, sides jsonb))
       with ordinality as t (gate, verdict, value, detail, weight, at, sides, position)`,
    [uid, JSON.stringify(gates)],
  );
  await tx.query(
    `insert into view_weight (plan_uid, position, canary, stable, verified_by, at)
     select $1, position - 1, canary, stable, verified_by, at
     from rows from (jsonb_to_recordset($2::jsonb) as (canary int, stable int, "verifiedBy" text, at timestamptz))
       with ordinality as t (canary, stable, verified_by, at, position)`,
    [uid, JSON.stringify(weights)],
  );
  await tx.query(
    `insert into view_pod (plan_uid, pod_uid, name, node, role, scc, at)
     select $1, uid, name, node, role, scc, at
     from jsonb_to_recordset($2::jsonb) as t (uid text, name text, node text, role text, scc text, at timestamptz)`,
    [uid, JSON.stringify(pods)],
  );
}
