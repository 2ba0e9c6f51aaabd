import { activityInfo } from '@temporalio/activity';
import { GovernanceError, GovernanceUnreachable, type GovernanceClient } from '@scc/governance-api';
import { isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { FIELD_MANAGER, PLAN_TYPE, type PlanRef } from '@scc/plan';
import type { MigrationActivities, Projection, ProjectionResult } from '@scc/migration/contract';
import { isAnswer } from './answers.js';
import { kept } from './governance.js';
import { kubeEventsOf } from './kube-events.js';
import { complete } from './outcome.js';
import { findSamePlan } from './plan.js';

interface Deps {
  kube: KubeClient;
  governance: Pick<GovernanceClient, 'report'>;
}

/** Writes the plan's status with its Kubernetes Events, and reports to governance: the two projections of the events. */
export const projectWith =
  ({ kube, governance }: Deps): MigrationActivities['project'] =>
  async (ref, projection) => {
    const [result] = await Promise.all([reportTo(governance, ref, projection), writeStatus(kube, ref, projection)]);
    return result;
  };

/** One call writes the status, one more each event. */
async function writeStatus(kube: KubeClient, ref: PlanRef, { status, events, workload }: Projection): Promise<void> {
  const { namespace, name, uid } = ref;
  const object: KubeObject = { ...PLAN_TYPE, metadata: { namespace, name, uid }, status: complete(status) };
  try {
    await kube.applyStatus(object, { fieldManager: FIELD_MANAGER, force: true });
  } catch (error) {
    // A plan that is gone needs no status; one that was made again under the name is not ours.
    if (isNotFound(error) || !(await findSamePlan(kube, ref))) return;
    throw error;
  }
  // Events are best effort: a namespace that is going away takes none, and the status says the same.
  for (const event of kubeEventsOf({ plan: ref, workload }, events))
    await kube.recordEvent(event).catch((error: unknown) => {
      if (!isAnswer(error)) throw error;
    });
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
