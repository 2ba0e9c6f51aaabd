import { PLAN_KIND, type UndoCause } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAuditBatch } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';
import { rowsOf } from '../database/rows.js';
import { principalOf } from './principal.js';
import { TRIAL_EVENTS, trialEventSchema, withdrawnFailure } from './trial.js';

/** A migration that completed is a success once this time went by without anybody taking it back. */
const QUIET_HOURS = 24;
const BATCH = 500;

type Label = 'failed' | 'succeeded' | 'excluded';

/**
 * The meaning of an undo for the migration. Only a cause that lies in the change itself counts as a failure; the others
 * count where they keep a failure from being seen, see `withdrawnFailure`.
 */
const CAUSES: Readonly<Record<UndoCause, { label: Label; reason: string }>> = {
  gate: { label: 'failed', reason: 'a gate failed' },
  readiness: { label: 'failed', reason: 'pods did not become ready' },
  admission: { label: 'failed', reason: 'pods were not admitted' },
  rollout: { label: 'failed', reason: 'the rollout did not finish' },
  abort: { label: 'excluded', reason: 'it was aborted by a user' },
  rollback: { label: 'excluded', reason: 'it was taken back by a user' },
  deleted: { label: 'excluded', reason: 'the plan was deleted' },
  error: { label: 'excluded', reason: 'the engine or the cluster failed' },
  lost: { label: 'excluded', reason: 'the workload was lost' },
  trial: { label: 'excluded', reason: 'it was a trial, which passed, and no migration' },
};

const isCause = (cause: string | null): cause is UndoCause => cause !== null && cause in CAUSES;

const endedRow = z.object({
  plan_uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  author: z.string().nullable(),
  workload_kind: z.string().nullable(),
  workload_name: z.string().nullable(),
  source_scc: z.string().nullable(),
  target_scc: z.string().nullable(),
  outcome: z.enum(['completed', 'rolledBack']),
  undo_cause: z.string().nullable(),
  finished_at: z.date(),
  assessment: z.string().nullable(),
  reverted: z.boolean(),
  trial: z.array(trialEventSchema),
});
type Ended = z.infer<typeof endedRow>;

/** The lesson of an undo. */
function labelOfUndo({ undo_cause: cause, author, trial }: Ended): { label: Label; reason: string } {
  if (!isCause(cause)) return { label: 'excluded', reason: 'the cause of the undo is unknown' };
  const withdrawn = CAUSES[cause].label === 'excluded' ? withdrawnFailure(trial, cause, author) : null;
  return withdrawn === null ? CAUSES[cause] : { label: 'failed', reason: `${withdrawn} (${CAUSES[cause].reason})` };
}

/** The lesson of a migration that ended. */
function labelOf(ended: Ended): { label: Label; reason: string } {
  const { outcome, assessment, reverted } = ended;
  if (assessment === null) return { label: 'excluded', reason: 'its risk was not assessed before it ended' };
  if (outcome === 'completed')
    return reverted
      ? { label: 'failed', reason: `another migration reverted it within ${QUIET_HOURS} hours` }
      : { label: 'succeeded', reason: `completed and quiet for ${QUIET_HOURS} hours` };
  return labelOfUndo(ended);
}

/**
 * Records what became of migrations that ended: at once when one was undone, after a quiet day when it completed. Each
 * is recorded once, with the assessment that was made last before its end. Refused plans and dry runs teach nothing.
 * @returns how many outcomes were recorded.
 */
export async function settleOutcomes(tx: EntityManager, now: Date): Promise<number> {
  await tx.query('select pg_advisory_xact_lock(51)');
  const ended = await rowsOf(
    tx,
    endedRow,
    `select v.plan_uid, v.namespace, v.name, m.author, v.workload_kind, v.workload_name, v.source_scc, v.target_scc,
       v.outcome, v.undo_cause, v.finished_at,
       (select a.id from risk_assessment a where a.plan_uid = v.plan_uid and a.assessed_at <= v.finished_at
        order by a.assessed_at desc limit 1) as assessment,
       exists (
         select from view_migration back
         where back.namespace = v.namespace and back.workload_kind = v.workload_kind
           and back.workload_name = v.workload_name and back.plan_uid <> v.plan_uid
           and back.source_scc = v.target_scc and back.target_scc = v.source_scc
           and back.started_at between v.finished_at and v.finished_at + make_interval(hours => $2)
           and coalesce(back.outcome, 'completed') = 'completed'
       ) as reverted,
       array(
         select json_build_object('type', e.type, 'reason', e.event ->> 'reason', 'command', e.event ->> 'command',
           'actor', e.event ->> 'actor')
         from migration_event e
         where e.plan_uid = v.plan_uid and v.outcome = 'rolledBack' and e.type = any($4)
           and e.at <= (select min(u.at) from migration_event u where u.plan_uid = v.plan_uid and u.type = 'UndoStarted')
         order by e.at, e.sequence
       ) as trial
     from view_migration v join migration m on m.plan_uid = v.plan_uid
     where v.outcome in ('completed', 'rolledBack')
       and v.finished_at <= $1::timestamptz - make_interval(hours => case v.outcome when 'completed' then $2::int else 0 end)
       and not exists (select from risk_outcome o where o.plan_uid = v.plan_uid)
     order by v.finished_at, v.plan_uid limit $3`,
    [now, QUIET_HOURS, BATCH, TRIAL_EVENTS],
  );
  const labels = ended.map(labelOf);
  const receipts = await appendAuditBatch(
    tx,
    ended.map((row, index) => ({
      actor: SYSTEM,
      action: 'risk.outcomeRecorded',
      object: { kind: PLAN_KIND, namespace: row.namespace, name: row.name },
      requestId: null,
      details: {
        ...{ uid: row.plan_uid, assessment: row.assessment, ...(labels[index] ?? {}), principal: principalOf(row) },
        ...{ sourceSCC: row.source_scc, targetSCC: row.target_scc, finishedAt: row.finished_at.toISOString() },
        ...{ kind: row.workload_kind, name: row.workload_name, at: now.toISOString() },
      },
    })),
  );
  const column = <Key extends keyof Ended>(key: Key): Ended[Key][] => ended.map((row) => row[key]);
  await tx.query(
    `insert into risk_outcome (plan_uid, assessment, label, reason, principal, namespace, workload_kind, workload_name,
       source_scc, target_scc, finished_at, entry_id, recorded_at)
     select *, $13::timestamptz from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
       $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::text[])`,
    [
      ...[column('plan_uid'), column('assessment'), labels.map(({ label }) => label)],
      ...[labels.map(({ reason }) => reason), ended.map(principalOf), column('namespace'), column('workload_kind')],
      ...[column('workload_name'), column('source_scc'), column('target_scc'), column('finished_at')],
      ...[receipts.map(({ entryId }) => entryId), now],
    ],
  );
  return ended.length;
}
