import { backoffMs } from '@scc/runtime';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

export interface KeyQueueOptions {
  work: (key: string) => Promise<void>;
  /** Called for each failure; the key is worked on again after `retryMs`. */
  failed: (key: string, error: unknown, retryMs: number) => void;
  concurrency?: number;
  firstRetryMs?: number;
}

/**
 * Works on one key at a time each, several keys beside each other. A key that is added while it is worked on is worked
 * on once more; a key whose work fails is tried again after a growing, jittered delay.
 */
export class KeyQueue {
  readonly #options: Required<KeyQueueOptions>;
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, number>();
  readonly #retries = new Map<string, NodeJS.Timeout>();
  #isStopped = false;

  constructor(options: KeyQueueOptions) {
    this.#options = { concurrency: 8, firstRetryMs: FIRST_RETRY_MS, ...options };
  }

  /** Keys that wait, are worked on or are to be tried again. */
  get size(): number {
    return new Set([...this.#waiting, ...this.#running.keys(), ...this.#retries.keys()]).size;
  }

  /** News about a key does not wait for its next try. */
  add(key: string): void {
    if (this.#isStopped) return;
    clearTimeout(this.#retries.get(key));
    this.#retries.delete(key);
    this.#waiting.add(key);
    this.#next();
  }

  /** Takes no more work and waits for what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.clear();
    for (const timer of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
    await Promise.all(this.#running.values());
  }

  #next(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.set(key, this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    try {
      await this.#options.work(key);
      this.#failures.delete(key);
    } catch (error) {
      if (!this.#isStopped) this.#retryLater(key, error);
    } finally {
      this.#running.delete(key);
      this.#next();
    }
  }

  #retryLater(key: string, error: unknown): void {
    const count = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, count);
    const retryMs = backoffMs(count, { firstMs: this.#options.firstRetryMs, lastMs: LAST_RETRY_MS });
    this.#options.failed(key, error, retryMs);
    if (!this.#waiting.has(key))
      this.#retries.set(
        key,
        setTimeout(() => this.add(key), retryMs),
      );
  }
}
