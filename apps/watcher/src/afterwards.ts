import { randomUUID } from 'node:crypto';
import { AFTER_WORKFLOW, afterWorkflowIdOf, type AfterInput } from '@scc/migration/contract';
import type { PlanRef } from '@scc/plan';
import {
  isGrpcServiceError,
  type WorkflowClient,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { encodeWorkflowIdReusePolicy } from '@temporalio/common';
import type { SeenPlan } from './seen-plan.js';

/** The workflows that look after completed migrations. */
export interface AfterWorkflows {
  /** Plans whose workflow ended without being done, by its last run: it was terminated, or failed. */
  lost: () => Promise<PlanRef[]>;
  /** Has another run go on from where the last one began; does nothing where one runs or is done. */
  again: (ref: PlanRef) => Promise<void>;
  /** Whether Temporal knows no run of it: it never began, or was forgotten. */
  isUnknown: (ref: PlanRef) => Promise<boolean>;
  /** Begins one from governance's record; does nothing where one runs or is done. */
  begin: (ref: PlanRef) => Promise<void>;
}

/** The plan of such a workflow's id, or undefined when no plan gave that id. */
export function planOfAfter(workflowId: string): PlanRef | undefined {
  const [, namespace = '', name = '', uid = ''] = workflowId.split('/');
  const ref = { namespace, name, uid };
  return namespace && name && uid && afterWorkflowIdOf(ref) === workflowId ? ref : undefined;
}

const LOST = `WorkflowType = '${AFTER_WORKFLOW}' AND ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut', 'Canceled')`;
/** Only after a run that did not end well. */
const AFTER_FAILURE = 'ALLOW_DUPLICATE_FAILED_ONLY';
const ALREADY_EXISTS = '6';

/** @param call gives the client, with its deadline */
export function temporalAfterwards(
  call: <T>(work: (workflow: WorkflowClient) => Promise<T>) => Promise<T>,
  taskQueue: string,
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
            ...{ requestId: randomUUID(), workflowIdReusePolicy: encodeWorkflowIdReusePolicy(AFTER_FAILURE) ?? null },
          })
          .catch((error: unknown) => {
            if (!isGrpcServiceError(error) || String(error.code) !== ALREADY_EXISTS) throw error;
          });
      }),
    isUnknown: (ref) =>
      call(async (workflow) => {
        try {
          await workflow.getHandle(afterWorkflowIdOf(ref)).describe();
          return false;
        } catch (error) {
          if (error instanceof WorkflowNotFoundError) return true;
          throw error;
        }
      }),
    begin: (ref) =>
      call(async (workflow) => {
        const input: AfterInput = { ref };
        try {
          await workflow.start(AFTER_WORKFLOW, {
            ...{ workflowId: afterWorkflowIdOf(ref), taskQueue, args: [input], workflowIdReusePolicy: AFTER_FAILURE },
            workflowIdConflictPolicy: 'USE_EXISTING',
            staticSummary: `${ref.namespace}/${ref.name}: does the change last?`,
          });
        } catch (error) {
          if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        }
      }),
  };
}

/**
 * Has workloads looked after whose workflow was lost, or that Temporal does not know, while their plan is there,
 * completed.
 * @param completed plans as they were last seen
 */
export async function lookAfterLost(
  afterwards: AfterWorkflows,
  read: (ref: PlanRef) => Promise<SeenPlan | undefined>,
  { completed, nowMs }: { completed: readonly SeenPlan[]; nowMs: number },
): Promise<PlanRef[]> {
  const isWanted = async (ref: PlanRef): Promise<boolean> => {
    const plan = await read(ref);
    return plan?.ref.uid === ref.uid && plan.phase === 'Completed' && !plan.deletionRequested;
  };
  const again: PlanRef[] = [];
  for (const ref of await afterwards.lost()) {
    if (!(await isWanted(ref))) continue;
    await afterwards.again(ref);
    again.push(ref);
  }
  for (const { ref, lookedAfterUntilMs } of completed) {
    if (nowMs >= (lookedAfterUntilMs ?? 0) || !(await afterwards.isUnknown(ref)) || !(await isWanted(ref))) continue;
    await afterwards.begin(ref);
    again.push(ref);
  }
  return again;
}
