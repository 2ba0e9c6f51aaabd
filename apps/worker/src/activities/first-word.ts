import { setTimeout as delay } from 'node:timers/promises';

/** How long a word is waited for that nobody has begun to say, and one that is being said, in milliseconds. */
const PATIENCE = { beginMs: 30, endMs: 500 };

interface Word {
  readonly begun: PromiseWithResolvers<undefined>;
  readonly ended: PromiseWithResolvers<undefined>;
}

/**
 * Lets the status of a plan be written before the work that the workflow schedules together with it: many requests of
 * that work would otherwise stand in the way of the two of the status, and people would be shown late that the plan was
 * taken up.
 */
export class FirstWord {
  readonly #words = new Map<string, Word>();

  constructor(private readonly patience = PATIENCE) {}

  /** Runs what writes the status. */
  async say<T>(uid: string, work: () => Promise<T>): Promise<T> {
    const word = this.#wordOf(uid);
    word.begun.resolve(undefined);
    try {
      return await work();
    } finally {
      word.ended.resolve(undefined);
      this.#forget(uid, word);
    }
  }

  /** Waits for the status to be written, and not for long. */
  async heard(uid: string): Promise<void> {
    const word = this.#wordOf(uid);
    const { beginMs, endMs } = this.patience;
    const isBegun = await Promise.race([word.begun.promise.then(() => true), delay(beginMs, false, { ref: false })]);
    if (isBegun) await Promise.race([word.ended.promise, delay(endMs, undefined, { ref: false })]);
    this.#forget(uid, word);
  }

  #wordOf(uid: string): Word {
    const found = this.#words.get(uid);
    if (found) return found;
    const word = { begun: Promise.withResolvers<undefined>(), ended: Promise.withResolvers<undefined>() };
    this.#words.set(uid, word);
    return word;
  }

  #forget(uid: string, word: Word): void {
    if (this.#words.get(uid) === word) this.#words.delete(uid);
  }
}
