import { DeadlineError, withDeadline } from '@scc/runtime';

/** The time that one answer may take. */
export interface Budget {
  /** Milliseconds. */
  left(): number;
}

/** Resolves with the promise, or after the budget; never rejects because time is up. */
export async function within(promise: Promise<unknown>, budget: Budget): Promise<void> {
  try {
    await withDeadline(() => promise, { timeoutMs: budget.left() });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
  }
}
