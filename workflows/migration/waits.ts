import type { MigrationEvent } from '@scc/plan';
import type { WaitReason } from '@scc/plan/words';
import { CancellationScope, condition, isCancellation, sleep, workflowInfo } from '@temporalio/workflow';
import { actWords } from './act-words.js';
import type { MigrationActivities } from './contract.js';
import { circumstancesOf, describeFailure, isWeather } from './failures.js';
import { HandOver } from './position.js';
import { pauseBeforeRetry, retryUntilDone } from './retry.js';

type Record = (event: MigrationEvent) => void;

const SILENCE_MS = 5_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;

export const isHistoryLong = (): boolean => workflowInfo().continueAsNewSuggested;

/** Ends this run of the workflow when its history has grown long; to be asked only where a migration waits. */
export function handOverWhenLong(): void {
  if (isHistoryLong()) throw new HandOver('the history has grown long');
}

/** Waits for a condition, without an end or for a time in milliseconds; a history that grows long meanwhile ends the run. */
export async function waitUntil(met: () => boolean, timeoutMs?: number): Promise<void> {
  const isOver = (): boolean => met() || isHistoryLong();
  await (timeoutMs === undefined ? condition(isOver) : condition(isOver, timeoutMs));
  if (!met()) handOverWhenLong();
}

/** Says what is waited for, and when the wait is over. */
export async function waiting<T>(
  record: Record,
  { reason, message }: { reason: WaitReason; message: string },
  work: () => Promise<T>,
): Promise<T> {
  record({ type: 'WaitStarted', reason, message });
  const result = await work();
  record({ type: 'WaitEnded', reason });
  return result;
}

/** Runs the work and says so when it takes longer than a few seconds. */
export async function announceIfSlow<T>(
  record: Record,
  { reason, message }: { reason: WaitReason; message: string },
  work: () => Promise<T>,
): Promise<T> {
  let announced = false;
  const timer = new CancellationScope();
  const silence = timer
    .run(() => sleep(SILENCE_MS))
    .then(() => {
      announced = true;
      record({ type: 'WaitStarted', reason, message });
    })
    .catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
  try {
    return await work();
  } finally {
    timer.cancel();
    await silence;
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set while `work` was awaited
    if (announced) record({ type: 'WaitEnded', reason });
  }
}

/**
 * Runs one step of the migration until it succeeds or is answered. A fault that outlasts the activity's own tries is said
 * on the plan, with its cause, and the step is tried again.
 * @param step what it does, in words
 */
export async function throughWeather<T>(record: Record, step: string, work: () => Promise<T>): Promise<T> {
  const said: string[] = [];
  const result = await retryUntilDone(work, async (attempt, error) => {
    if (!isWeather(error)) throw error;
    const { message: cause } = describeFailure(error);
    const message = `${step} does not succeed and is tried again: ${cause}${circumstancesOf(error)}`;
    if (said.at(-1) !== cause) record({ type: 'WaitStarted', reason: 'Retry', message });
    said.push(cause);
    handOverWhenLong();
    await sleep(pauseBeforeRetry(attempt, FIRST_RETRY_MS, LONGEST_RETRY_MS), { summary: `${step} is tried again` });
  });
  if (said.length) record({ type: 'WaitEnded', reason: 'Retry' });
  return result;
}

/** The activities, each through the weather. */
export function steadied(activities: MigrationActivities, record: Record): MigrationActivities {
  const entries = Object.entries(activities).map(([name, activity]) => [
    name,
    (...args: unknown[]) =>
      throughWeather(record, actWords(name), () => (activity as (...all: unknown[]) => Promise<unknown>)(...args)),
  ]);
  return Object.fromEntries(entries) as MigrationActivities;
}

/** Waits until the time has come, or `woken` says that it is worth looking again. */
export async function sleepUntil(timeMs: number, woken: () => boolean): Promise<void> {
  const left = timeMs - Date.now();
  if (left > 0) await waitUntil(woken, left);
}
