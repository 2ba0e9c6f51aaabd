import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import type { Deliver } from './outbox.js';

const SIGNAL_TIMEOUT_MS = 5000;

export interface WorkflowWaker {
  deliver: Deliver;
  close: () => Promise<void>;
}

/** Signals workflows; the connection is made lazily, so that governance starts and answers without Temporal. */
export function temporalWaker(options: { address: string; namespace: string }): WorkflowWaker {
  const connection = Connection.lazy({ address: options.address });
  const client = new Client({ connection, namespace: options.namespace });
  return {
    deliver: async ({ workflowId, signal, payload }) => {
      try {
        await client.withDeadline(Date.now() + SIGNAL_TIMEOUT_MS, () =>
          client.workflow.getHandle(workflowId).signal(signal, payload),
        );
        return 'delivered';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'gone';
        throw error;
      }
    },
    close: () => connection.close(),
  };
}
