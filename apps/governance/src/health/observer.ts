import { pause } from '@scc/runtime';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { countUnreviewed } from '../approvals/break-glass.js';
import { sealingLag } from '../audit/queries.js';
import { countUntrusted } from '../engine/outcome.js';
import { rowOf } from '../database/rows.js';
import { PartStates } from './parts.js';
import { askParts, type Probes } from './probes.js';

/** The state of the work that waits in the database. */
export interface Observation {
  /** False while the database does not answer; the numbers are then the last ones known. */
  database: boolean;
  outbox: { waiting: number; oldestSeconds: number };
  sealing: { unsealed: number; lagSeconds: number };
  breakGlass: { unreviewed: number };
  /** Migrations of which an end was reported that no receipts cover. */
  migrations: { untrusted: number };
}

const outboxRow = z.object({ waiting: z.int(), oldest: z.coerce.number() });
const EVERY_MS = 2000;

/** Looks at the database and at other parts now and then, so that metrics and health never wait for them. */
export class Observer {
  private seen: Observation = {
    database: true,
    outbox: { waiting: 0, oldestSeconds: 0 },
    sealing: { unsealed: 0, lagSeconds: 0 },
    breakGlass: { unreviewed: 0 },
    migrations: { untrusted: 0 },
  };
  private readonly stopping = new AbortController();
  /** The state of every part, and since when. */
  readonly parts = new PartStates();
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly source: DataSource,
    private readonly logger: Logger,
    private readonly probes: Probes = {},
    /** Why the audit log cannot be the one that was published before; null while it can. */
    readonly contradicted: () => string | null = () => null,
  ) {}

  get now(): Observation {
    return this.seen;
  }

  isUp(part: string): boolean {
    return this.parts.get(part)?.status === 'up';
  }

  /** Ends when everything was looked at once. */
  async start(): Promise<void> {
    await Promise.all([this.look(), this.ask()]);
    this.running = Promise.all([this.repeat(() => this.look()), this.repeat(() => this.ask())]);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async repeat(work: () => Promise<void>): Promise<void> {
    for (;;) {
      await pause(EVERY_MS, this.stopping.signal);
      if (this.stopping.signal.aborted) return;
      await work();
    }
  }

  private ask(): Promise<void> {
    return askParts(this.probes, this.parts, this.logger);
  }

  private async look(): Promise<void> {
    try {
      const outbox = await rowOf(
        this.source,
        outboxRow,
        `select count(*)::int as waiting, coalesce(extract(epoch from now() - min(created_at)), 0) as oldest
         from outbox where delivered_at is null and abandoned_at is null`,
      );
      if (!outbox) throw new Error('an aggregate answered no row');
      const { unsealed, lagSeconds } = await sealingLag(this.source);
      this.parts.see('database', 'up');
      if (!this.seen.database) this.logger.info('the database answers again');
      this.seen = {
        database: true,
        outbox: { waiting: outbox.waiting, oldestSeconds: outbox.oldest },
        sealing: { unsealed, lagSeconds },
        breakGlass: { unreviewed: await countUnreviewed(this.source) },
        migrations: { untrusted: await countUntrusted(this.source) },
      };
    } catch (error) {
      this.parts.see('database', 'down', 'it does not answer');
      if (this.seen.database) this.logger.warn({ err: error }, 'the database does not answer');
      this.seen = { ...this.seen, database: false };
    }
  }
}
