import { setTimeout as delay } from 'node:timers/promises';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

/**
 * Works on one key at a time each, several keys beside each other. A key that is added while it is worked on is worked
 * on once more; a key whose work fails is tried again after a growing, jittered delay.
 */
export class KeyQueue {
  private readonly waiting = new Set<string>();
  private readonly running = new Set<string>();
  private readonly failures = new Map<string, number>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly work: (key: string) => Promise<void>,
    private readonly failed: (key: string, error: unknown, retryMs: number) => void,
    private readonly concurrency = 8,
  ) {}

  add(key: string): void {
    if (this.stopping.signal.aborted) return;
    this.waiting.add(key);
    this.next();
  }

  /** Takes no more work and waits for what is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.waiting.clear();
    while (this.running.size > 0) await delay(10);
  }

  private next(): void {
    for (const key of this.waiting) {
      if (this.running.size >= this.concurrency) return;
      if (this.running.has(key)) continue;
      this.waiting.delete(key);
      this.running.add(key);
      void this.run(key);
    }
  }

  private async run(key: string): Promise<void> {
    try {
      await this.work(key);
      this.failures.delete(key);
    } catch (error) {
      const count = (this.failures.get(key) ?? 0) + 1;
      this.failures.set(key, count);
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** (count - 1), LAST_RETRY_MS) * (0.75 + Math.random() / 2);
      this.failed(key, error, Math.round(retryMs));
      setTimeout(() => this.add(key), retryMs).unref();
    } finally {
      this.running.delete(key);
      this.next();
    }
  }
}
