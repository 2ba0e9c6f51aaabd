import { randomUUID } from 'node:crypto';
import { AFTER_WORKFLOW, afterWorkflowIdOf } from '@scc/migration/contract';
import type { PlanRef } from '@scc/plan';
import { isGrpcServiceError, type WorkflowClient } from '@temporalio/client';
import { encodeWorkflowIdReusePolicy } from '@temporalio/common';
import type { SeenPlan } from './seen-plan.js';

/** The workflows that look after completed migrations. */
export interface AfterWorkflows {
  /** Plans whose workflow ended without being done, by its last run: it was terminated, or failed. */
  lost: () => Promise<PlanRef[]>;
  /** Has another run go on from where the last one began; does nothing where one runs or is done. */
  again: (ref: PlanRef) => Promise<void>;
}

/** The plan of such a workflow's id, or undefined when no plan gave that id. */
export function planOfAfter(workflowId: string): PlanRef | undefined {
  const [, namespace = '', name = '', uid = ''] = workflowId.split('/');
  const ref = { namespace, name, uid };
  return namespace && name && uid && afterWorkflowIdOf(ref) === workflowId ? ref : undefined;
}

const LOST = `WorkflowType = '${AFTER_WORKFLOW}' AND ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut', 'Canceled')`;
/** Only after a run that did not end well. */
const AFTER_FAILURE = encodeWorkflowIdReusePolicy('ALLOW_DUPLICATE_FAILED_ONLY') ?? null;
const ALREADY_EXISTS = '6';

/** @param call gives the client, with its deadline */
export function temporalAfterwards(
  call: <T>(work: (workflow: WorkflowClient) => Promise<T>) => Promise<T>,
): AfterWorkflows {
  return {
    lost: () =>
      call(async (workflow) => {
        const ids = new Set<string>();
        for await (const { workflowId } of workflow.list({ query: LOST })) ids.add(workflowId);
        const lost = await Promise.all(
          [...ids].map(async (id) => {
            const { status } = await workflow.getHandle(id).describe();
            return status.name === 'RUNNING' || status.name === 'COMPLETED' ? [] : [planOfAfter(id) ?? []].flat();
          }),
        );
        return lost.flat();
      }),
    again: (ref) =>
      call(async ({ workflowService, options: { namespace } }) => {
        const workflowId = afterWorkflowIdOf(ref);
        const { history } = await workflowService.getWorkflowExecutionHistory({
          namespace,
          execution: { workflowId },
          maximumPageSize: 1,
        });
        const { workflowType, taskQueue, input } = history?.events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
        if (!workflowType || !taskQueue) throw new Error(`the history of ${workflowId} does not begin with its start`);
        await workflowService
          .startWorkflowExecution({
            ...{ namespace, workflowId, workflowType, taskQueue, input: input ?? null },
            ...{ requestId: randomUUID(), workflowIdReusePolicy: AFTER_FAILURE },
          })
          .catch((error: unknown) => {
            if (!isGrpcServiceError(error) || String(error.code) !== ALREADY_EXISTS) throw error;
          });
      }),
  };
}

/** Has workloads looked after again whose workflow was lost while their plan is there, completed. */
export async function lookAfterLost(
  afterwards: AfterWorkflows,
  read: (ref: PlanRef) => Promise<SeenPlan | undefined>,
): Promise<PlanRef[]> {
  const again: PlanRef[] = [];
  for (const ref of await afterwards.lost()) {
    const plan = await read(ref);
    if (plan?.ref.uid !== ref.uid || plan.phase !== 'Completed' || plan.deletionRequested) continue;
    await afterwards.again(ref);
    again.push(ref);
  }
  return again;
}
