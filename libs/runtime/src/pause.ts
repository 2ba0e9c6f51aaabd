import { setTimeout as delay } from 'node:timers/promises';
import { DeadlineError } from './wait.js';

/** Waits for `ms` milliseconds, or until the signal aborts; never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(Math.max(0, ms), undefined, signal ? { signal } : {});
  } catch {
    // Aborted: the wait is over.
  }
}

export interface Deadline {
  /** Milliseconds. */
  timeoutMs: number;
  /** Aborted, the wait ends with the signal's reason. */
  signal?: AbortSignal;
  /** The sentence of the error; `no answer within N ms` unless said otherwise. */
  message?: string;
}

/**
 * The outcome of `work`, for as long as it is waited for. The work is told by its signal when it is late; what it yields
 * afterwards is dropped.
 * @throws DeadlineError when it is late
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, signal, message = `no answer within ${timeoutMs} ms` }: Deadline,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DeadlineError(message)), Math.max(0, timeoutMs));
  const either = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
  try {
    either.throwIfAborted();
    return await new Promise<T>((resolve, reject) => {
      either.addEventListener('abort', () => reject(either.reason as Error), { once: true });
      work(either).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves with `work`, or after `timeoutMs` milliseconds; rejects only as `work` does. */
export async function within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  try {
    await withDeadline(() => work, { timeoutMs });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
  }
}
