import type { TemporalLink } from '@scc/runtime/temporal';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Deliver } from './outbox.js';

const SIGNAL_TIMEOUT_MS = 5000;

/** Signals workflows. The link connects when it is first used, so governance starts and answers without Temporal. */
export const temporalWaker =
  (link: TemporalLink): Deliver =>
  async ({ workflowId, signal, payload }) => {
    try {
      const client = await link.client();
      await client.withDeadline(Date.now() + SIGNAL_TIMEOUT_MS, () =>
        client.workflow.getHandle(workflowId).signal(signal, payload),
      );
      return 'delivered';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'gone';
      throw error;
    }
  };
