/** The time that one answer may take. */
export interface Budget {
  /** Milliseconds. */
  left(): number;
}

/** Resolves with the promise, or after the budget; never rejects because time is up. */
export async function within(promise: Promise<unknown>, budget: Budget): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, budget.left()));
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
