import { HandOver } from './position.js';

/**
 * Runs `work` until it succeeds. `failed` is told of each failure, says so where people look, and waits before the next
 * try; what it throws ends the loop.
 */
export async function retryUntilDone<T>(
  work: () => Promise<T>,
  failed: (attempt: number, error: unknown) => Promise<void>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HandOver) throw error;
      await failed(attempt, error);
    }
  }
}

/** Milliseconds before the next try: doubles from `firstMs` and stays at `longestMs`. */
export const pauseBeforeRetry = (attempt: number, firstMs: number, longestMs: number): number =>
  Math.min(firstMs * 2 ** Math.min(attempt - 1, 20), longestMs);
