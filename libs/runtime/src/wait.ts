import { setTimeout as delay } from 'node:timers/promises';

/** A condition did not come true within its deadline. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

export interface WaitOptions {
  timeoutMs: number;
  everyMs?: number;
  /** The object of the wait, as it reads after "waited for". */
  what: string;
  signal?: AbortSignal;
}

/**
 * Asks until the condition yields a value other than undefined, null or false, and returns it.
 * @throws DeadlineError after `timeoutMs` milliseconds, with the last error of the condition as its cause.
 */
export async function waitFor<T>(
  condition: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  { timeoutMs, everyMs = 50, what, signal }: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new DeadlineError(`waited ${timeoutMs} ms for ${what}`, { cause });
    await delay(everyMs, undefined, signal ? { signal } : {});
  }
}
