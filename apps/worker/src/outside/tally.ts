import { increaseOf, type CounterSeries, type Labels } from './counters.js';
import type { Flavour, Meaning } from './flavours.js';

/** Requests of some Services over a stretch of time, in whole numbers. */
export interface AnswerTally {
  /** The answers that callers got. */
  requests: number;
  failed: number;
  /** Every answer and every try that a retry followed: one that a retry rescued still failed once. */
  tries: number;
  failedTries: number;
  /** Answers by which callers were not let through, by the application or a proxy. */
  denied: number;
  /** Of the requests, those that a proxy alone answered, or nothing did. */
  unanswered: number;
  byClass: Record<string, number>;
  /** By the pod, or the address, of the proxy that counted. */
  byProxy: Record<string, { requests: number; failed: number }>;
}

/** Adds up what counters rose by. */
export function tallyOf(series: readonly CounterSeries[], { read }: Pick<Flavour, 'read'>): AnswerTally {
  const tally: AnswerTally = {
    ...{ requests: 0, failed: 0, tries: 0, failedTries: 0, denied: 0, unanswered: 0 },
    ...{ byClass: {}, byProxy: {} },
  };
  for (const one of series) {
    const rise = increaseOf(one);
    if (rise > 0) add(tally, rise, read(one.labels), one.labels);
  }
  tally.failed = Math.min(tally.failed, tally.requests);
  tally.failedTries = Math.min(tally.failedTries, tally.tries);
  tally.unanswered = Math.min(tally.unanswered, tally.failed);
  return tally;
}

function add(tally: AnswerTally, rise: number, meaning: Meaning, labels: Labels): void {
  const { counts, isFailure, responseClass } = meaning;
  tally.denied += meaning.isDenial ? rise : 0;
  tally.unanswered += meaning.isUnanswered ? rise : 0;
  // These are among the answers already.
  if (counts === 'denial' || counts === 'unanswered') return;
  const failed = isFailure ? rise : 0;
  tally.failedTries += failed;
  // An answer of gRPC that says of failure is among the answers already, as a success of HTTP.
  if (counts !== 'grpcFailure') tally.tries += rise;
  if (counts === 'again') return;
  const requests = counts === 'answer' ? rise : 0;
  tally.requests += requests;
  tally.failed += failed;
  if (requests > 0) tally.byClass[responseClass] = (tally.byClass[responseClass] ?? 0) + requests;
  addToProxy(tally, proxyOf(labels), { requests, failed });
}

const proxyOf = (labels: Labels): string => labels['pod'] ?? labels['instance'] ?? 'unknown';

function addToProxy(
  { byProxy }: AnswerTally,
  proxy: string,
  { requests, failed }: AnswerTally['byProxy'][string],
): void {
  const before = byProxy[proxy] ?? { requests: 0, failed: 0 };
  byProxy[proxy] = { requests: before.requests + requests, failed: before.failed + failed };
}

/** The count of two stretches together. */
export function plus(a: AnswerTally, b: AnswerTally): AnswerTally {
  const byClass = { ...a.byClass };
  for (const [name, count] of Object.entries(b.byClass)) byClass[name] = (byClass[name] ?? 0) + count;
  const byProxy = { ...a.byProxy };
  for (const [name, { requests, failed }] of Object.entries(b.byProxy)) {
    const before = byProxy[name] ?? { requests: 0, failed: 0 };
    byProxy[name] = { requests: before.requests + requests, failed: before.failed + failed };
  }
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    tries: a.tries + b.tries,
    failedTries: a.failedTries + b.failedTries,
    denied: a.denied + b.denied,
    unanswered: a.unanswered + b.unanswered,
    byClass,
    byProxy,
  };
}

/**
 * Denials beyond those that the other side gives to the same callers: what a policy or a filter does that fits only one
 * side. Without an answer of the other side to compare with, none is held against this one.
 */
export function excessDenials(own: AnswerTally, other: Pick<AnswerTally, 'denied' | 'tries'> | null): number {
  if (!other || other.tries <= 0) return 0;
  return Math.max(0, Math.round(own.denied - (own.tries * other.denied) / other.tries));
}

/** Counts up to and with each bound, which is the label `le`. */
type Buckets = readonly { le: number; count: number }[];

/**
 * A quantile of a histogram whose buckets rose by these counts, linear within a bucket; null of an empty one. Where it
 * lies beyond the largest bound (`isOpen`), that bound is all that is known of it.
 */
export function rankedOf(buckets: Buckets, q: number): { value: number; isOpen: boolean } | null {
  const rising = buckets.toSorted((a, b) => a.le - b.le);
  const total = rising.at(-1)?.count ?? 0;
  if (!(total > 0)) return null;
  const rank = q * total;
  const index = rising.findIndex(({ count }) => count >= rank);
  const [found, below] = [rising[index], rising[index - 1] ?? { le: 0, count: 0 }];
  if (!found) return null;
  if (found.le === Infinity) return { value: below.le, isOpen: true };
  const value = below.le + ((found.le - below.le) * (rank - below.count)) / (found.count - below.count || 1);
  return { value, isOpen: false };
}

/** The same as a number; at least so much where it lies beyond the largest bound. */
export const quantileOf = (buckets: Buckets, q: number): number | null => rankedOf(buckets, q)?.value ?? null;

/** The rise of a histogram's series, bucket by bucket. */
export function bucketsOf(series: readonly CounterSeries[]): { le: number; count: number }[] {
  const byBound = new Map<number, number>();
  for (const one of series) {
    const le = Number((one.labels['le'] ?? '').replace('+Inf', 'Infinity'));
    if (!Number.isNaN(le)) byBound.set(le, (byBound.get(le) ?? 0) + increaseOf(one));
  }
  return [...byBound].map(([le, count]) => ({ le, count }));
}
