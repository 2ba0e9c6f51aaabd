import type { PlanRef } from '@scc/plan';
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionStatusName,
} from '@temporalio/client';
import {
  MIGRATION_WORKFLOW,
  planChangedSignal,
  TASK_QUEUE,
  UNDO_WORKFLOW,
  undoWorkflowIdOf,
  workflowIdOf,
} from '../../../workflows/migration/contract.js';

/** `Lost`: the workflow ended without finishing its work, so somebody else must undo it. */
export type MigrationLife = 'Running' | 'Finished' | 'Lost' | 'NeverStarted';

/** Starts and stops the workflows of plans. */
export interface Migrations {
  /** Starts the plan's workflow unless it exists; starting twice is the same as once. */
  start: (ref: PlanRef) => Promise<MigrationLife>;
  life: (ref: PlanRef) => Promise<MigrationLife>;
  cancel: (ref: PlanRef) => Promise<void>;
  planChanged: (ref: PlanRef, generation: number) => Promise<void>;
  /** Starts the workflow that undoes a lost migration from its recorded pre-images. */
  undo: (ref: PlanRef) => Promise<void>;
}

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

/** The workflows of plans in Temporal. */
export function temporalMigrations({ workflow }: Client): Migrations {
  const life = async (ref: PlanRef): Promise<MigrationLife> => {
    try {
      return lifeOf((await workflow.getHandle(workflowIdOf(ref)).describe()).status.name);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'NeverStarted';
      throw error;
    }
  };
  const launch = async (type: string, workflowId: string, ref: PlanRef): Promise<boolean> => {
    try {
      await workflow.start(type, {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [{ ref }],
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `${ref.namespace}/${ref.name}`,
      });
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  };
  return {
    life,
    start: async (ref) => ((await launch(MIGRATION_WORKFLOW, workflowIdOf(ref), ref)) ? 'Running' : life(ref)),
    undo: async (ref) => void (await launch(UNDO_WORKFLOW, undoWorkflowIdOf(ref), ref)),
    cancel: async (ref) => {
      await workflow.getHandle(workflowIdOf(ref)).cancel();
    },
    planChanged: async (ref, generation) => {
      await workflow.getHandle(workflowIdOf(ref)).signal(planChangedSignal, { generation });
    },
  };
}
