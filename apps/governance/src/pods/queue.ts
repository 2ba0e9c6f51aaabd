import type { Logger } from 'pino';
import type { PodNews } from './tracking.js';

export interface QueueOptions {
  /** How many pods may wait; beyond it the oldest news is dropped, and the next reconciliation heals it. */
  capacity: number;
  batchSize: number;
  everyMs: number;
  write: (news: PodNews[]) => Promise<void>;
  logger: Logger;
}

/**
 * Takes news from callers that must not wait, such as admission, and writes it in batches. Holds one item per pod; the
 * newest wins, except that a hint never replaces what the cluster showed.
 */
export class PodQueue {
  private readonly waiting = new Map<string, PodNews>();
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();
  private droppedCount = 0;
  private writtenCount = 0;

  constructor(private readonly options: QueueOptions) {}

  /** Never blocks and never throws. */
  add(news: PodNews): void {
    const uid = news.type === 'gone' ? news.uid : news.pod.uid;
    const known = this.waiting.get(uid);
    if (news.type === 'hint' && known) return;
    this.waiting.delete(uid);
    this.waiting.set(uid, news);
    this.makeRoom();
    this.timer ??= setTimeout(() => this.flushSoon(), this.options.everyMs);
  }

  get size(): number {
    return this.waiting.size;
  }

  get dropped(): number {
    return this.droppedCount;
  }

  get written(): number {
    return this.writtenCount;
  }

  /** Writes everything that waits. */
  async flush(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.writing = this.writing.then(() => this.drain());
    await this.writing;
  }

  private flushSoon(): void {
    this.flush().catch((error: unknown) => this.options.logger.error({ err: error }, 'pod tracking stopped'));
  }

  private makeRoom(): void {
    const { capacity } = this.options;
    for (const uid of this.waiting.keys()) {
      if (this.waiting.size <= capacity) return;
      this.waiting.delete(uid);
      this.droppedCount += 1;
    }
  }

  private async drain(): Promise<void> {
    while (this.waiting.size > 0) {
      const batch = [...this.waiting.entries()].slice(0, this.options.batchSize);
      for (const [uid] of batch) this.waiting.delete(uid);
      try {
        await this.options.write(batch.map(([, news]) => news));
        this.writtenCount += batch.length;
      } catch (error) {
        // The database being away is healed by the next reconciliation; admission must not wait for it.
        this.droppedCount += batch.length;
        this.options.logger.warn({ err: error, pods: batch.length }, 'writing pod observations failed');
        return;
      }
    }
  }
}
