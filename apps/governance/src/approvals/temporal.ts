import type { TemporalLink } from '@scc/runtime/temporal';
import { WorkflowNotFoundError } from '@temporalio/client';
import { Refusal } from '../refusal/refusal.js';
import type { Deliver } from './outbox.js';

const CALL_TIMEOUT_MS = 5000;

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
