import type { CommandGrantRequest } from '@scc/governance-api';
import type { PlanRef } from '@scc/plan';
import type { TemporalLink } from '@scc/runtime/temporal';
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { type CommandOutcome, commandUpdate, undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import { Refusal } from '../refusal/refusal.js';
import type { Deliver } from './outbox.js';

const CALL_TIMEOUT_MS = 5000;
/** A workflow asks governance about a command before it answers. */
const COMMAND_TIMEOUT_MS = 20_000;

/**
 * Whether a workflow runs: one run of it, or, without a run id, its newest. Throws when Temporal does not answer: not
 * knowing is never a no.
 */
export type IsRunning = (workflowId: string, runId: string | null) => Promise<boolean>;

/** Signals workflows. The link connects when it is first used, so governance starts and answers without Temporal. */
export const temporalWaker =
  (link: TemporalLink): Deliver =>
  async ({ workflowId, signal, payload }) => {
    try {
      const client = await link.client();
      await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
        client.workflow.getHandle(workflowId).signal(signal, payload),
      );
      return 'delivered';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'gone';
      throw error;
    }
  };

/** Whether a workflow runs, as Temporal knows it; one that was forgotten, or never started, does not. */
export const temporalRuns =
  (link: TemporalLink): IsRunning =>
  async (workflowId, runId) => {
    try {
      const client = await link.client();
      const { status } = await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
        client.workflow.getHandle(workflowId, runId ?? undefined).describe(),
      );
      return ['RUNNING', 'PAUSED'].includes(status.name);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw new Refusal('unavailable', 'Temporal does not say whether another run is under way; ask again');
    }
  };

/** Sends a command to the workflow of a plan. @throws Refusal `conflict` when none runs, `unavailable` without Temporal */
export type SendCommand = (
  plan: PlanRef,
  command: CommandGrantRequest['command'],
  input: { actor: string; reason?: string; token: string },
) => Promise<CommandOutcome>;

/** Sends commands as updates, and waits for what the workflow says. A lost migration is undone by another workflow. */
export const temporalCommands =
  (link: TemporalLink): SendCommand =>
  async (plan, command, input) => {
    for (const id of [workflowIdOf(plan), undoWorkflowIdOf(plan)]) {
      try {
        const client = await link.client();
        return await client.withDeadline(Date.now() + COMMAND_TIMEOUT_MS, () =>
          client.workflow.getHandle(id).executeUpdate(commandUpdate(command), { args: [input] }),
        );
      } catch (error) {
        if (error instanceof WorkflowUpdateFailedError)
          throw new Refusal('conflict', `the migration refused ${command}: ${error.cause?.message ?? error.message}`);
        if (!(error instanceof WorkflowNotFoundError))
          throw new Refusal(
            'unavailable',
            'Temporal does not answer; see whether the command was applied, then try again',
          );
      }
    }
    throw new Refusal('conflict', 'no migration of this plan runs');
  };
