import { proxyActivities } from '@temporalio/workflow';

/**
 * A workflow of a stranger: it has the worker of another task queue run one activity with these arguments.
 * @public
 */
export async function rogueWorkflow(taskQueue: string, activity: string, args: unknown[]): Promise<unknown> {
  const activities = proxyActivities<Record<string, (...all: unknown[]) => Promise<unknown>>>({
    taskQueue,
    startToCloseTimeout: '20s',
    retry: { maximumAttempts: 1 },
  });
  return activities[activity]?.(...args);
}
