import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { inTransaction } from '../database/transaction.js';
import { refit } from './learn.js';
import { settleOutcomes } from './outcomes.js';

const EVERY_MS = 60_000;

/** Records outcomes and fits challengers from them, as long as it runs. Several processes may do so at once. */
export class RiskLearner {
  private timer: NodeJS.Timeout | undefined;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly source: DataSource,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => {
      this.last = this.last
        .then(() => this.learn(new Date()))
        .catch((error: unknown) => this.logger.warn({ err: error }, 'learning from outcomes failed'));
    }, EVERY_MS);
  }

  /** One round: everything that ended is recorded, and a challenger fitted when that is worth it. */
  async learn(now: Date): Promise<void> {
    while ((await inTransaction(this.source, (tx) => settleOutcomes(tx, now))) > 0);
    const model = await refit(this.source, now);
    if (model !== null) this.logger.info({ model }, 'a challenger was fitted');
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.last;
  }
}
