import type { TemporalLink } from '@scc/runtime/temporal';

/** Of Temporal: queues of workflow tasks and of activity tasks. */
const KINDS = [1, 2] as const;
const CALL_MS = 3000;

/**
 * How long the oldest task of the queue has waited for a worker that takes it, in seconds; 0 when none waits. A worker
 * that is away, of another queue, or too busy shows here alike.
 * @throws Error when Temporal does not answer
 */
export async function backlogSeconds(link: TemporalLink, taskQueue: string): Promise<number> {
  const client = await link.client();
  const ages = await client.withDeadline(Date.now() + CALL_MS, () =>
    Promise.all(
      KINDS.map(async (taskQueueType) => {
        const { stats } = await client.workflowService.describeTaskQueue({
          namespace: link.namespace,
          taskQueue: { name: taskQueue },
          // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the client exports no enumeration
          taskQueueType,
          reportStats: true,
        });
        return Number(stats?.approximateBacklogAge?.seconds ?? 0);
      }),
    ),
  );
  return Math.max(...ages);
}
