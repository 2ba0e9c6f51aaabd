import { AsyncLocalStorage } from 'node:async_hooks';
import { asyncLocalStorage } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { KubeClient } from '@scc/kube';

/**
 * How long a worker may stand still before its activities count as lost, in milliseconds: Temporal gives them to another
 * worker after `heartbeatTimeout` (6 s), and the last heartbeat may be one interval old when the standstill begins.
 */
export const FRESH_MS = 4_000;

/** The error that stops an activity that may run elsewhere already; Temporal tries it again where it still counts. */
const overtaken = (): Error =>
  ApplicationFailure.retryable(
    'this worker stood still, and another one may have taken the activity over',
    'Overtaken',
  );

/** The heartbeats of one activity by the monotonic clock, in milliseconds. Once they had a gap, the activity is lost. */
export class Heart {
  private isLost = false;
  private answeredMs: number;

  constructor(
    private lastMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.answeredMs = lastMs;
  }

  /** The API server has answered: the activity gets on. */
  answered(): void {
    this.answeredMs = this.now();
  }

  /** For how long nothing has answered the activity, in milliseconds. */
  silentMs(): number {
    return this.now() - this.answeredMs;
  }

  /** Whether the activity still counts; a heartbeat that came too late does not bring it back. */
  beat(): boolean {
    const nowMs = this.now();
    this.isLost ||= nowMs - this.lastMs > FRESH_MS;
    this.lastMs = nowMs;
    return !this.isLost;
  }
}

/** When this process last stood still; tasks that lay in its socket meanwhile belong to others now. */
export class Standstill {
  private endedMs: number | null = null;
  private lastMs: number;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly wall: () => number = Date.now,
  ) {
    this.lastMs = now();
  }

  look(): void {
    const nowMs = this.now();
    if (nowMs - this.lastMs > FRESH_MS) this.endedMs = this.wall();
    this.lastMs = nowMs;
  }

  /** @param scheduledMs when the attempt was scheduled, since the epoch */
  hasPassed(scheduledMs: number): boolean {
    this.look();
    return this.endedMs !== null && scheduledMs <= this.endedMs;
  }
}

const hearts = new AsyncLocalStorage<Heart>();

/** Runs an activity with its heart. */
export const withHeart = <T>(heart: Heart, work: () => Promise<T>): Promise<T> => hearts.run(heart, work);

/** For how long nothing has answered the activity that runs here, in milliseconds; 0 outside one. */
export const silentForMs = (): number => hearts.getStore()?.silentMs() ?? 0;

const WRITES: ReadonlySet<PropertyKey> = new Set<keyof KubeClient>([
  'apply',
  'applyStatus',
  'create',
  'replace',
  'patch',
  'delete',
  'recordEvent',
]);

/**
 * A client whose writes fail, retryably, in an activity that another worker may have taken over: each write looks by the
 * monotonic clock whether the last heartbeat is fresh.
 */
export function writesWhileFresh(kube: KubeClient, standstill: Standstill): KubeClient {
  const isFresh = (): boolean => {
    const scheduledMs = asyncLocalStorage.getStore()?.info.currentAttemptScheduledTimestampMs;
    if (scheduledMs !== undefined && standstill.hasPassed(scheduledMs)) return false;
    return hearts.getStore()?.beat() ?? true;
  };
  return new Proxy(kube, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (WRITES.has(name) && !isFresh()) return Promise.reject(overtaken());
        const result: unknown = Reflect.apply(value, target, args);
        if (result instanceof Promise) result.then(() => hearts.getStore()?.answered()).catch(() => undefined);
        return result;
      };
    },
  });
}
