import type { PlanRef } from '@scc/plan';
import type { TemporalLink } from '@scc/runtime/temporal';
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowClient,
  type WorkflowExecutionStatusName,
  type WorkflowIdReusePolicy,
} from '@temporalio/client';
import { temporalAfterwards, type AfterWorkflows } from './afterwards.js';
import { searchedBy, startCampaign } from './campaigns.js';
import {
  type CampaignRef,
  MIGRATION_WORKFLOW,
  planChangedSignal,
  UNDO_WORKFLOW,
  undoWorkflowIdOf,
  workflowIdOf,
} from '@scc/migration/contract';

/** `Lost`: the workflow ended without finishing its work, so another workflow must undo it. */
export type MigrationLife = 'Running' | 'Finished' | 'Lost' | 'NeverStarted';

/** Starts and stops the workflows of plans. */
export interface Migrations {
  /**
   * Starts the plan's workflow unless it exists; starting twice is the same as once.
   * @returns false when it has ended already
   */
  start: (ref: PlanRef, campaign: string | null) => Promise<boolean>;
  life: (ref: PlanRef) => Promise<MigrationLife>;
  /** Does nothing when it has ended. */
  cancel: (ref: PlanRef) => Promise<void>;
  planChanged: (ref: PlanRef, generation: number) => Promise<void>;
  /**
   * Starts the workflow that undoes a lost migration from its recorded pre-images, unless it runs. Of a migration that
   * governance knows to be over it only brings the plan in line and releases it, so that starting it again is safe.
   */
  undo: (ref: PlanRef) => Promise<void>;
  /** Has the plan of a finished migration brought in line with governance's record; undoes nothing. */
  settle: (ref: PlanRef) => Promise<void>;
  /** The plans of the workflows that run, as Temporal's visibility knows them: a moment late. */
  running: (plan?: { namespace: string; name: string }) => Promise<PlanRef[]>;
}

/** How long one call to Temporal may take, retries included. */
const CALL_MS = 5000;

function lifeOf(status: WorkflowExecutionStatusName): MigrationLife {
  switch (status) {
    case 'RUNNING':
    case 'CONTINUED_AS_NEW':
    case 'PAUSED':
      return 'Running';
    case 'COMPLETED':
      return 'Finished';
    case 'CANCELLED':
    case 'FAILED':
    case 'TERMINATED':
    case 'TIMED_OUT':
      return 'Lost';
    case 'UNSPECIFIED':
    case 'UNKNOWN':
      throw new Error(`Temporal reports the workflow status ${status}`);
  }
}

/** The plan of a workflow id, or undefined when no plan gave that id. */
export function planOfWorkflow(workflowId: string): PlanRef | undefined {
  const [prefix, namespace, name, uid, ...rest] = workflowId.split('/');
  if (prefix !== 'scc' || !namespace || !name || !uid || rest.length > 0) return undefined;
  return { namespace, name, uid };
}

interface Launch {
  id: string;
  again: WorkflowIdReusePolicy;
  finished?: true;
  campaign?: string | null;
}

/**
 * The workflows of plans in Temporal.
 * @param signal ends calls that are under way: who no longer leads starts nothing
 */
export function temporalMigrations(
  link: TemporalLink,
  taskQueue: string,
  signal: AbortSignal,
): Migrations & { afterwards: AfterWorkflows; startCampaign: (ref: CampaignRef) => Promise<void> } {
  const call = async <T>(work: (workflow: WorkflowClient) => Promise<T>): Promise<T> => {
    const client = await link.client();
    return client.withAbortSignal(signal, () => client.withDeadline(Date.now() + CALL_MS, () => work(client.workflow)));
  };
  /** @returns false when one has run already and the policy allows no other: then it does nothing */
  const launch = async (type: string, ref: PlanRef, { id, again, ...more }: Launch): Promise<boolean> => {
    try {
      await call((workflow) =>
        workflow.start(type, {
          workflowId: id,
          taskQueue,
          args: [{ ref, ...(more.finished ? { finished: true } : {}) }],
          workflowIdReusePolicy: again,
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `${ref.namespace}/${ref.name}`,
          ...searchedBy(more.campaign ?? null),
        }),
      );
      return true;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      return false;
    }
  };
  return {
    afterwards: temporalAfterwards(call, taskQueue),
    startCampaign: (ref) => call((workflow) => startCampaign(workflow, taskQueue, ref)),
    life: async (ref) => {
      try {
        return lifeOf((await call((workflow) => workflow.getHandle(workflowIdOf(ref)).describe())).status.name);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'NeverStarted';
        throw error;
      }
    },
    start: (ref, campaign) =>
      launch(MIGRATION_WORKFLOW, ref, { id: workflowIdOf(ref), again: 'REJECT_DUPLICATE', campaign }),
    undo: async (ref) => {
      await launch(UNDO_WORKFLOW, ref, { id: undoWorkflowIdOf(ref), again: 'ALLOW_DUPLICATE' });
    },
    settle: async (ref) => {
      await launch(UNDO_WORKFLOW, ref, { id: undoWorkflowIdOf(ref), again: 'ALLOW_DUPLICATE', finished: true });
    },
    cancel: async (ref) => {
      try {
        await call((workflow) => workflow.getHandle(workflowIdOf(ref)).cancel());
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
    planChanged: async (ref, generation) => {
      await call((workflow) => workflow.getHandle(workflowIdOf(ref)).signal(planChangedSignal, { generation }));
    },
    running: (plan) =>
      call(async (workflow) => {
        const ofPlan = plan ? ` AND WorkflowId STARTS_WITH 'scc/${plan.namespace}/${plan.name}/'` : '';
        const query = `WorkflowType = '${MIGRATION_WORKFLOW}' AND ExecutionStatus = 'Running'${ofPlan}`;
        const refs: PlanRef[] = [];
        for await (const { workflowId } of workflow.list({ query }))
          refs.push(...[planOfWorkflow(workflowId) ?? []].flat());
        return refs;
      }),
  };
}
