import { randomUUID } from 'node:crypto';
import { backoffMs, DeadlineError, pause, withDeadline, type Logger } from '@scc/runtime';
import { isConflict } from './errors.js';
import type { KubeClient } from './kube-client.js';
import {
  isHeldBy,
  leaseId,
  mayTake,
  released,
  renewed,
  taken,
  type Candidate,
  type LeaseName,
} from './lease-record.js';
import type { KubeObject } from './object.js';

/** Times in milliseconds. */
export interface LeaseTiming {
  /** For so long no other holder takes a lease that is not renewed; whole seconds. */
  durationMs: number;
  /** A holder that could not renew for so long stops; what it then still does must end within the rest of the duration. */
  giveUpMs: number;
  /** How often the lease is renewed, or asked for. */
  everyMs: number;
}

const TIMING: LeaseTiming = { durationMs: 10_000, giveUpMs: 6000, everyMs: 1500 };

export interface LeaseOptions extends LeaseName {
  client: KubeClient;
  /** A name that no other replica has. */
  identity: string;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** Aborted, the work is stopped and the lease released. */
  signal: AbortSignal;
  /** The work of the one leader: to be ended soon after its signal aborts. When it ends by itself, it is run again. */
  run: (signal: AbortSignal) => Promise<void>;
  /** Called whenever the API server answered about the lease. */
  onContact?: () => void;
  timing?: Partial<LeaseTiming>;
}

/** The work went on after the lease was lost, beyond the time in which no other holder leads: only ending the process helps. */
export class LeaseOverrun extends Error {
  override readonly name = 'LeaseOverrun';
}

/**
 * Runs the work while this process holds a Lease, as often as it gets it, until the signal aborts. At no time do two
 * processes work: a holder stops before its lease can be taken, and every write is fenced by the resourceVersion.
 * @throws LeaseOverrun
 */
export const runWithLease = (options: LeaseOptions): Promise<void> => new Election(options).run();

/** A lease that is held, and until when it is by our own clock. */
interface Held {
  lease: KubeObject;
  untilMs: number;
}

class Election {
  readonly #options: LeaseOptions;
  readonly #timing: LeaseTiming;
  readonly #candidate: Candidate;
  #seen = { resourceVersion: '', sinceMs: 0 };
  #hasStarted = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    const { durationMs } = this.#timing;
    this.#candidate = { identity: options.identity, instance: randomUUID(), durationMs };
  }

  async run(): Promise<void> {
    const { signal, logger, identity } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const held = await this.#acquired();
      if (!held) continue;
      logger.info({ identity }, 'leading');
      const startedMs = performance.now();
      await this.#lead(held);
      failures = performance.now() - startedMs > this.#timing.durationMs ? 0 : failures + 1;
      await pause(backoffMs(failures, { firstMs: this.#timing.everyMs, lastMs: 30_000 }), signal);
    }
  }

  /** One attempt; undefined after a pause when another holder leads or the API server does not answer. */
  async #acquired(): Promise<Held | undefined> {
    const { client, logger, onContact, signal } = this.#options;
    const askedMs = performance.now();
    try {
      const lease = await client.get(leaseId(this.#options), { timeoutMs: this.#timing.giveUpMs, signal });
      onContact?.();
      const candidate = { ...this.#candidate, hasStarted: this.#hasStarted };
      this.#hasStarted = true;
      if (!lease || mayTake(lease, candidate, this.#seenForMs(lease))) {
        const wanted = taken(lease, this.#options, this.#candidate, new Date());
        const untilMs = performance.now() + this.#timing.giveUpMs;
        const timeoutMs = this.#timing.giveUpMs;
        const mine = lease ? await client.replace(wanted, { timeoutMs }) : await client.create(wanted, { timeoutMs });
        return { lease: mine, untilMs };
      }
    } catch (error) {
      // A conflict: another candidate was faster.
      if (!isConflict(error) && !signal.aborted) logger.warn({ err: error }, 'acquiring the lease failed');
    }
    await pause(this.#timing.everyMs * (0.75 + Math.random() / 2) - (performance.now() - askedMs), signal);
    return undefined;
  }

  #seenForMs({ metadata: { resourceVersion = '' } }: KubeObject): number {
    const now = performance.now();
    if (this.#seen.resourceVersion !== resourceVersion) this.#seen = { resourceVersion, sinceMs: now };
    return now - this.#seen.sinceMs;
  }

  /** Works and renews; resolves when the work has ended. Renewing goes on while the work is being stopped. */
  async #lead(first: Held): Promise<void> {
    const { signal, logger, run } = this.#options;
    const losing = new AbortController();
    const ended = new AbortController();
    const isOver = (): boolean => ended.signal.aborted;
    const working = run(AbortSignal.any([signal, losing.signal]))
      .catch((error: unknown) => {
        if (!signal.aborted && !losing.signal.aborted) logger.warn({ err: error }, 'the work of the leader failed');
      })
      .finally(() => ended.abort());
    let held: Held | undefined = first;
    while (held && !isOver()) {
      await pause(this.#timing.everyMs, ended.signal);
      if (!isOver()) held = await this.#kept(held);
    }
    if (held) return this.#release(held.lease);
    logger.warn({}, 'lease lost');
    losing.abort(new Error('lease lost'));
    await this.#endedInTime(working);
  }

  /** The lease after renewing it, or undefined when it is lost or may be lost. */
  async #kept({ lease, untilMs }: Held): Promise<Held | undefined> {
    const { client, logger, onContact } = this.#options;
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) return undefined;
    const timeoutMs = Math.ceil(leftMs);
    const next = performance.now() + this.#timing.giveUpMs;
    try {
      const mine = await client.replace(renewed(lease, new Date()), { timeoutMs });
      onContact?.();
      return { lease: mine, untilMs: next };
    } catch (error) {
      if (!isConflict(error)) {
        logger.warn({ err: error }, 'renewing the lease failed');
        return performance.now() < untilMs ? { lease, untilMs } : undefined;
      }
    }
    return this.#reread({ lease, untilMs });
  }

  /** After a conflict: a write of ours whose answer was lost, an annotation by a user, or another holder. */
  async #reread({ lease, untilMs }: Held): Promise<Held | undefined> {
    const { client, logger } = this.#options;
    const timeoutMs = Math.max(1, Math.ceil(untilMs - performance.now()));
    try {
      const current = await client.get(leaseId(this.#options), { timeoutMs });
      return current && isHeldBy(current, this.#candidate) ? { lease: current, untilMs } : undefined;
    } catch (error) {
      logger.warn({ err: error }, 'reading the lease failed');
      return { lease, untilMs };
    }
  }

  async #endedInTime(working: Promise<void>): Promise<void> {
    const { durationMs, giveUpMs } = this.#timing;
    try {
      await withDeadline(() => working, { timeoutMs: durationMs - giveUpMs });
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw new LeaseOverrun('the work did not end in time after the lease was lost', { cause: error });
    }
  }

  async #release(lease: KubeObject): Promise<void> {
    const { client, logger, identity } = this.#options;
    try {
      await client.replace(released(lease, new Date()), { timeoutMs: this.#timing.giveUpMs });
      logger.info({ identity }, 'no longer leading');
    } catch (error) {
      logger.warn({ err: error }, 'releasing the lease failed; it expires by itself');
    }
  }
}
