/** One recorded undo step. `run` is idempotent: it restores the recorded pre-image, whatever was done of its step. */
export interface Undo {
  step: string;
  run: () => Promise<void>;
}

export interface Compensation {
  /** Runs its argument out of the reach of cancellation. */
  shielded: (work: () => Promise<void>) => Promise<void>;
  /** Told once before the first undo step, with what made it necessary. */
  started: (cause: unknown) => Promise<void>;
  done: (step: string) => Promise<void>;
  failed: (step: string, attempt: number, error: unknown) => Promise<void>;
}

/**
 * Runs `body`; when it fails, runs the undo steps it registered, last in first out, each until it succeeds.
 * An undo is registered before its do, because a step that timed out may still have had its effect.
 * @throws what `body` threw, after everything was undone.
 */
export async function withCompensation<T>(
  compensation: Compensation,
  body: (onFailure: (undo: Undo) => void) => Promise<T>,
): Promise<T> {
  const undos: Undo[] = [];
  try {
    return await body((undo) => undos.unshift(undo));
  } catch (cause) {
    await compensation.shielded(async () => {
      await compensation.started(cause);
      for (const undo of undos) await untilDone(undo, compensation);
    });
    throw cause;
  }
}

async function untilDone(undo: Undo, { done, failed }: Compensation): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await undo.run();
    } catch (error) {
      await failed(undo.step, attempt, error);
      continue;
    }
    await done(undo.step);
    return;
  }
}
