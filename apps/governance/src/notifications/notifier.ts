import { pause } from '@scc/runtime';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { rowsOf } from '../database/rows.js';
import type { GovernanceMetrics } from '../health/metrics.js';
import { collectMessages } from './collect.js';
import { deliverOne, type DeliveryOutcome } from './deliver.js';
import type { Courier } from './courier.js';
import { type DeliveryCounts, deliveryCounts } from './receivers.js';

const EVERY_MS = 1000;
/** Looks between two counts of messages, and between two looks for old ones. */
const COUNT_EVERY = 10;
const FORGET_EVERY = 3600;
const KEEP = { delivered: '7 days', dead: '30 days' } as const;

export interface NotifierOptions {
  source: DataSource;
  courier: Courier;
  origin: string;
  logger: Logger;
  now?: () => Date;
}

/**
 * Tells receivers what governance records. It works from the sealed log alone, after the change has been committed: no
 * receiver can hold a migration or a request.
 */
export class Notifier {
  readonly #options: Required<NotifierOptions>;
  readonly #stopping = new AbortController();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #attempts = new Map<string, { receiver: string; outcome: DeliveryOutcome; count: number }>();
  #counts: DeliveryCounts[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(options: NotifierOptions) {
    this.#options = { now: () => new Date(), ...options };
  }

  start(): void {
    this.#running = this.#repeat();
  }

  /** Ends what is under way: a message that is being sent is sent again later. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('shutdown started'));
    await this.#running;
    await Promise.all(this.#busy.values());
    this.#options.courier.close();
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  watch(metrics: GovernanceMetrics): void {
    const ofState = (state: 'waiting' | 'dead') => () =>
      this.#counts.map((counts) => ({ labels: { receiver: counts.receiver }, value: counts[state] }));
    metrics.gauges(
      {
        name: 'scc_governance_notifications_waiting',
        help: 'Messages to receivers of notifications that are not delivered yet.',
        labelNames: ['receiver'],
      },
      ofState('waiting'),
    );
    metrics.gauges(
      {
        name: 'scc_governance_notifications_dead',
        help: 'Messages to receivers of notifications that were given up.',
        labelNames: ['receiver'],
      },
      ofState('dead'),
    );
    metrics.gauge(
      'scc_governance_notifications_oldest_seconds',
      'Age of the oldest message that is not delivered yet.',
      () => Math.max(0, ...this.#counts.map(({ oldestSeconds }) => oldestSeconds)),
    );
    metrics.counter(
      {
        name: 'scc_governance_notification_attempts_total',
        help: 'Attempts of this process to deliver a message, by outcome.',
        labelNames: ['receiver', 'outcome'],
      },
      () =>
        [...this.#attempts.values()].map(({ receiver, outcome, count }) => ({
          labels: { receiver, outcome },
          value: count,
        })),
    );
  }

  /** Makes messages of what is new, and begins to send those that are due, each receiver by itself. */
  async look(): Promise<void> {
    const { source, now } = this.#options;
    while (await collectMessages(source, now())) this.#stopping.signal.throwIfAborted();
    const due = await rowsOf(
      source,
      z.object({ receiver: z.string() }),
      `select distinct receiver from notification_delivery
       where delivered_at is null and dead_at is null and due_at <= $1`,
      [now()],
    );
    for (const { receiver } of due)
      if (!this.#busy.has(receiver))
        this.#busy.set(
          receiver,
          this.#drain(receiver).finally(() => this.#busy.delete(receiver)),
        );
  }

  /** Counts messages for the metrics. */
  async count(): Promise<void> {
    this.#counts = await deliveryCounts(this.#options.source);
  }

  /** Ends when nothing is being sent. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  /** One message after the other; a receiver that fails is left alone until the next look. */
  async #drain(receiver: string): Promise<void> {
    const { logger, ...options } = this.#options;
    const { signal } = this.#stopping;
    try {
      for (;;) {
        signal.throwIfAborted();
        const outcome = await deliverOne({ ...options, signal }, receiver);
        if (outcome === null) return;
        this.#took(receiver, outcome);
        if (outcome === 'delivered') continue;
        logger.warn({ receiver, outcome }, 'a notification was not delivered');
        return;
      }
    } catch (error) {
      if (!this.#isStopping) logger.warn({ err: error, receiver }, 'notifications could not be sent');
    }
  }

  #took(receiver: string, outcome: DeliveryOutcome): void {
    const key = `${receiver} ${outcome}`;
    const { count } = this.#attempts.get(key) ?? { count: 0 };
    this.#attempts.set(key, { receiver, outcome, count: count + 1 });
  }

  async #repeat(): Promise<void> {
    const { source, logger } = this.#options;
    const { signal } = this.#stopping;
    for (let turn = 0; !signal.aborted; turn += 1) {
      try {
        await this.look();
        if (turn % COUNT_EVERY === 0) await this.count();
        if (turn % FORGET_EVERY === 0) await forget(source);
      } catch (error) {
        if (this.#isStopping) return;
        logger.warn({ err: error }, 'notifications could not be looked for');
      }
      await pause(EVERY_MS, signal);
    }
  }
}

const forget = (source: DataSource): Promise<unknown> =>
  source.query(
    `delete from notification_delivery where delivered_at < now() - $1::interval or dead_at < now() - $2::interval`,
    [KEEP.delivered, KEEP.dead],
  );
