import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowRun } from '@scc/governance-api';
import { activityInfo, asyncLocalStorage, cancellationSignal, heartbeat } from '@temporalio/activity';
import { Heart, withHeart } from './freshness.js';

/** Between two heartbeats of an activity, in milliseconds. */
export const HEARTBEAT_MS = 1_500;

/** Waits, and ends at once when the workflow cancels the activity. */
export const interruptiblePause = (ms: number): Promise<void> => delay(ms, undefined, { signal: cancellationSignal() });

/** The signal by which the workflow cancels the activity that runs here; undefined outside an activity. */
export const activitySignal = (): AbortSignal | undefined => asyncLocalStorage.getStore()?.cancellationSignal;

/**
 * The workflow that the activity works for.
 * @throws Error outside a workflow: what is recorded must lead back to who recorded it.
 */
export const currentWorkflowId = (): string => currentRun().workflowId;

/**
 * The run of a workflow that the activity works for, as Temporal says.
 * @throws Error outside a workflow
 */
export function currentRun(): WorkflowRun {
  const { workflowExecution } = activityInfo();
  if (!workflowExecution) throw new Error('this is only done for a workflow');
  const { workflowId, runId } = workflowExecution;
  return { workflowId, runId };
}

/**
 * Asks until `look` yields a result. The wait is over at `timeoutMs` after the activity was first *scheduled*, so that
 * a worker that took over does not begin to count again.
 */
export async function until<T>(
  look: () => Promise<T | undefined>,
  { everyMs, timeoutMs, expired }: { everyMs: number; timeoutMs: number; expired: () => Error },
): Promise<T> {
  const deadline = activityInfo().scheduledTimestampMs + timeoutMs;
  for (;;) {
    cancellationSignal().throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() >= deadline) throw expired();
    await interruptiblePause(everyMs);
  }
}

/** Tells Temporal that the activity lives while `work` runs; a dead worker is noticed within seconds. */
export async function beating<T>(work: () => Promise<T>): Promise<T> {
  const heart = new Heart(performance.now());
  const timer = setInterval(() => {
    if (heart.beat()) heartbeat();
  }, HEARTBEAT_MS);
  try {
    return await withHeart(heart, work);
  } finally {
    clearInterval(timer);
  }
}
