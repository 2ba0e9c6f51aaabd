import type { EventBatch, Receipt } from '@scc/governance-api';
import { isTerminal } from '@scc/plan';
import { type EntityManager, IsNull, Not } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { type Database, rowsOf } from '../database/rows.js';
import { currentEvaluation, type MigrationRow, planObject } from '../plans/store.js';
import { MigrationEndEntity } from './activity.entity.js';
import { begunOf } from './begun.js';
import { type ReportedEnd, uncovered } from './order.js';
import { recordedEnd } from './outcome.js';
import { judgedStrategy } from './target.js';
import { CommandGrantEntity } from './step.entity.js';

type ReportedEvent = EventBatch['events'][number];

const ENDS: readonly string[] = [
  ...(['MigrationCompleted', 'DryRunFinished', 'PlanRejected', 'UndoFinished'] satisfies ReportedEnd[]),
];
const isEnd = (type: string): type is ReportedEnd => ENDS.includes(type);

/**
 * Records the ends among events that were just stored, each with an entry of its own. The first that the receipts cover
 * is how the migration ended; one that they do not cover is kept as untrusted.
 */
export async function recordEnds(
  tx: EntityManager,
  migration: MigrationRow,
  { batch, fresh, receipts }: { batch: EventBatch; fresh: readonly ReportedEvent[]; receipts: readonly Receipt[] },
  { actor, requestId }: CallContext,
): Promise<void> {
  const { planUid } = migration;
  for (const [index, { event, phase, sequence, at }] of fresh.entries()) {
    if (!isEnd(event.type) || !isTerminal(phase) || (await recordedEnd(tx, planUid))) continue;
    const evaluation = await currentEvaluation(tx, migration);
    const whole = {
      strategy: judgedStrategy(evaluation),
      weights: evaluation?.request.spec.traffic.weights ?? [],
      replicas: evaluation?.request.facts.workload.replicas ?? 0,
    };
    const released = await wasReleased(tx, planUid);
    const untrusted = uncovered(event.type, await begunOf(tx, planUid), { ...whole, released });
    const { workflowId, runId } = batch;
    const entryId = receipts[index]?.entryId ?? '';
    const end = { planUid, phase, workflowId, runId, sequence, untrusted, entryId, endedAt: new Date(at) };
    await tx.getRepository(MigrationEndEntity).insert(end);
    await appendAudit(tx, {
      ...{ actor, requestId, object: planObject(migration) },
      action: untrusted === null ? 'migration.ended' : 'migration.untrusted',
      details: {
        ...{ uid: planUid, workflowId, runId, sequence, end: event.type, reason: untrusted },
        ...{ phase, at: end.endedAt.toISOString(), event: entryId },
      },
    });
  }
}

/** Whether the command that lets an undo leave what it cannot do was given with authority. */
const wasReleased = (tx: EntityManager, planUid: string): Promise<boolean> =>
  tx.getRepository(CommandGrantEntity).existsBy({ planUid, command: 'release', usedAt: Not(IsNull()) });

const placeRow = z.object({ workflow_id: z.string(), run_id: z.string(), sequence: z.int() });

/** Whether an event is an end that does not count. */
export async function untrustedEvents(
  db: Database,
  planUid: string,
): Promise<(event: { workflowId: string; runId: string; sequence: number }) => boolean> {
  const rows = await rowsOf(
    db,
    placeRow,
    'select workflow_id, run_id, sequence from migration_end where plan_uid = $1 and untrusted is not null',
    [planUid],
  );
  const places = new Set(rows.map(({ workflow_id, run_id, sequence }) => `${workflow_id}/${run_id}/${sequence}`));
  return ({ workflowId, runId, sequence }) => places.has(`${workflowId}/${runId}/${sequence}`);
}
