import { activityInfo } from '@temporalio/activity';
import { GovernanceError, GovernanceUnreachable, type GovernanceClient } from '@scc/governance-api';
import { isConflict, isInvalid, isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { FIELD_MANAGER, isTerminal, PLAN_TYPE, phaseSchema, type PlanRef, type PlanStatus } from '@scc/plan';
import type { MigrationActivities, Projection, ProjectionResult } from '@scc/migration/contract';
import { z } from 'zod';
import { isAnswer } from './answers.js';
import { kept } from './governance.js';
import { kubeEventsOf } from './kube-events.js';
import { complete } from './outcome.js';
import { findSamePlan } from './plan.js';

type Writer = Pick<KubeClient, 'get' | 'applyStatus' | 'recordEvent'>;

interface Deps {
  kube: Writer;
  governance: Pick<GovernanceClient, 'report'>;
}

/** Writes the plan's status with its Kubernetes Events, and reports to governance: the two projections of the events. */
export const projectWith =
  ({ kube, governance }: Deps): MigrationActivities['project'] =>
  async (ref, projection) => {
    const [result, written] = await Promise.all([
      reportTo(governance, ref, projection),
      writeStatus(kube, ref, projection),
    ]);
    return { ...result, ...written };
  };

/** Reads of the plan for one write: an edit of its user and the status meet rarely, and never often in a row. */
const MAX_READS = 5;

const seenSchema = z.looseObject({ phase: phaseSchema.optional(), sequence: z.int().optional() }).default({});

/** Why a status is not to be written any more: the plan shows a newer one, or how its migration ended. */
export function supersededBy(plan: KubeObject, status: PlanStatus): 'final' | { overtaken: number } | null {
  const seen = seenSchema.parse(plan['status']);
  if (isTerminal(seen.phase) && seen.phase !== status.phase) return 'final';
  if ((seen.sequence ?? -1) <= (status.sequence ?? -1)) return null;
  return isTerminal(seen.phase) ? 'final' : { overtaken: seen.sequence ?? 0 };
}

/**
 * Writes the status, unless a newer one is there, and each event by one more call. The API server does not compare the
 * uid of a status with that of its plan, so the version that was read stands for both.
 */
async function writeStatus(
  kube: Writer,
  ref: PlanRef,
  { status, events, workload }: Projection,
): Promise<{ overtaken?: number }> {
  const { namespace, name, uid } = ref;
  for (let reads = 1; ; reads++) {
    const plan = await findSamePlan(kube, ref);
    // A plan that is gone needs no status; one that was made again under the name is not ours.
    if (!plan) return {};
    const newer = supersededBy(plan, status);
    if (newer !== null) return newer === 'final' ? {} : newer;
    const { resourceVersion = '' } = plan.metadata;
    const object = { ...PLAN_TYPE, metadata: { namespace, name, uid, resourceVersion }, status: complete(status) };
    try {
      await kube.applyStatus(object, { fieldManager: FIELD_MANAGER, force: true });
      break;
    } catch (error) {
      if (isNotFound(error)) return {};
      // Refused as invalid it may be older than what was written since: reading the plan again tells.
      if (!(isConflict(error) || isInvalid(error)) || reads >= MAX_READS) throw error;
    }
  }
  // Events are best effort: a namespace that is going away takes none, and the status says the same.
  for (const event of kubeEventsOf({ plan: ref, workload }, events))
    await kube.recordEvent(event).catch((error: unknown) => {
      if (!isAnswer(error)) throw error;
    });
  return {};
}

/** Governance being away must not keep the status from saying so: its events wait for the next projection. */
async function reportTo(
  governance: Deps['governance'],
  { namespace, name, uid }: PlanRef,
  { unreported }: Projection,
): Promise<ProjectionResult> {
  if (unreported.length === 0) return { reported: 'yes', checkpoint: null };
  const { workflowExecution } = activityInfo();
  if (!workflowExecution) throw new Error('events are only reported by a workflow');
  try {
    const { receipts } = await governance.report(uid, {
      plan: { namespace, name, uid },
      workflowId: workflowExecution.workflowId,
      runId: workflowExecution.runId,
      events: unreported,
    });
    return { reported: 'yes', checkpoint: receipts.at(-1)?.checkpoint ?? null, receipts: receipts.map(kept) };
  } catch (error) {
    if (error instanceof GovernanceUnreachable) return { reported: 'unreachable', checkpoint: null };
    if (error instanceof GovernanceError && error.status < 500 && error.status !== 429)
      return { reported: { refused: error.message }, checkpoint: null };
    throw error;
  }
}
