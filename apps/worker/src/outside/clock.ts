import { numberOf } from './yielded.js';
import type { Yielded } from './counter-queries.js';

/** How long a measured difference of two clocks is relied on, in milliseconds. */
const KNOWN_MS = 60_000;
/** Less than this is no difference: answers are made of samples that are seconds apart. */
const TOLERATED_MS = 500;

/**
 * The clock by which a Prometheus stamps its samples, beside the one of this process. Where they differ, a moment of
 * this process is another one there, and counts since it would be of another stretch, or of none.
 */
export class PrometheusClock {
  private measured: { aheadMs: number; atMs: number } | null = null;

  constructor(private readonly ask: (query: string, namespace: string) => Promise<Yielded[]>) {}

  /** How far it is ahead of this process's clock, in milliseconds; 0 as far as the way of the answer explains it. */
  async aheadMs(namespace: string): Promise<number> {
    const { measured } = this;
    if (measured && performance.now() - measured.atMs < KNOWN_MS) return measured.aheadMs;
    const sentMs = Date.now();
    const [answer] = await this.ask('time()', namespace);
    const aheadMs = differenceOf(numberOf(answer?.value?.[1]) * 1000, { sentMs, receivedMs: Date.now() });
    this.measured = { aheadMs, atMs: performance.now() };
    return aheadMs;
  }
}

/** By how much a clock that showed `shownMs` between two moments of ours is ahead; 0 when it cannot be told. */
export function differenceOf(shownMs: number, { sentMs, receivedMs }: { sentMs: number; receivedMs: number }): number {
  if (!Number.isFinite(shownMs)) return 0;
  if (shownMs > receivedMs + TOLERATED_MS) return shownMs - receivedMs;
  return shownMs < sentMs - TOLERATED_MS ? shownMs - sentMs : 0;
}
