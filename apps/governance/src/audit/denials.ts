import type { AuditActor } from '@scc/audit';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { appendAudit, type AuditRecord } from './append.js';

/** A write that an authenticated caller asked for and was refused. */
export interface Denial {
  caller: AuditActor;
  method: string;
  /** The template of the path, as routes are declared. */
  route: string;
  path: string;
  reason: string | null;
  requestId: string | null;
}

export interface DenialsOptions {
  logger: Logger;
  /** Milliseconds since 1970. */
  now?: () => number;
  perCaller?: number;
  perMinute?: number;
}

/** The refusals of one caller in the current minute. */
interface Count {
  written: number;
  suppressed: number;
}

const MINUTE_MS = 60_000;
const SUPPRESSED_BY = { name: 'scc-governance' };

/**
 * Writes refusals into the audit log, so few that they cannot fill it: at most ten a minute of one caller and a
 * hundred of all. The rest is counted, and the counts are entries when the minute is over.
 */
export class Denials {
  private minute = 0;
  private written = 0;
  private readonly counts = new Map<string, Count>();
  private pending: Promise<void> = Promise.resolve();

  constructor(
    private readonly source: DataSource,
    private readonly options: DenialsOptions,
  ) {}

  /** Returns at once; what cannot be written is logged. */
  see(denial: Denial): void {
    this.tick();
    const { perCaller = 10, perMinute = 100 } = this.options;
    const count = this.counts.get(denial.caller.name) ?? { written: 0, suppressed: 0 };
    this.counts.set(denial.caller.name, count);
    if (count.written >= perCaller || this.written >= perMinute) {
      count.suppressed += 1;
      return;
    }
    count.written += 1;
    this.written += 1;
    this.append(entryOf(denial));
  }

  /** Ends a minute that is over; to be called now and then, and by `see`. */
  tick(): void {
    const minute = Math.floor((this.options.now ?? Date.now)() / MINUTE_MS);
    if (minute !== this.minute) this.endMinute(minute);
  }

  /** Writes what was counted and waits until everything is written. */
  async stop(): Promise<void> {
    this.endMinute(0);
    await this.pending;
  }

  private endMinute(next: number): void {
    const suppressed = [...this.counts].filter(([, count]) => count.suppressed > 0);
    const total = suppressed.reduce((sum, [, count]) => sum + count.suppressed, 0);
    const named = suppressed.slice(0, 100).map(([caller, count]) => ({ caller, count: count.suppressed }));
    this.counts.clear();
    this.minute = next;
    this.written = 0;
    if (total > 0)
      this.append({
        actor: SUPPRESSED_BY,
        action: 'access.denials-suppressed',
        object: { kind: 'Access' },
        requestId: null,
        details: { count: total, callers: named },
      });
  }

  /** One after the other: a flood of refusals takes one connection. */
  private append(record: AuditRecord): void {
    this.pending = this.pending.then(async () => {
      try {
        await this.source.transaction((tx) => appendAudit(tx, record));
      } catch (error) {
        this.options.logger.error({ err: error, refused: record }, 'writing a refusal into the audit log failed');
      }
    });
  }
}

const entryOf = ({ caller, method, route, path, reason, requestId }: Denial): AuditRecord => ({
  actor: caller,
  action: 'access.denied',
  object: { kind: 'Route', name: `${method} ${route}` },
  requestId,
  details: { path: path.slice(0, 1_000), reason },
});
