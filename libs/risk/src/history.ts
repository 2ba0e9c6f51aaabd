import { clamp, logit, sum } from './numbers.js';

/** Faded counts of outcomes: how many there were and how many of them failed. */
export interface Tally {
  readonly weight: number;
  readonly failures: number;
}

/** From the widest to the narrowest: all, same pair of SCCs, same namespace, same workload. */
export const HISTORY_LEVELS = ['all', 'pair', 'namespace', 'workload'] as const;
export type HistoryLevel = (typeof HISTORY_LEVELS)[number];
export type History = Readonly<Record<HistoryLevel, Tally>>;

/** How many outcomes the wider level counts for. */
const STRENGTH = 4;
/** Believed of a migration before there was any. */
const FIRST_RATE = 0.1;
/** An outcome counts half after this many days. */
export const HISTORY_HALF_LIFE_DAYS = 90;

const NONE: Tally = { weight: 0, failures: 0 };
export const NO_HISTORY: History = { all: NONE, pair: NONE, namespace: NONE, workload: NONE };

/** The rate of each level is its own outcomes and, as far as they are few, the rate of the level above. */
export function failureRates(history: History): Record<HistoryLevel, number> {
  let rate = FIRST_RATE;
  const rates: Record<HistoryLevel, number> = { all: rate, pair: rate, namespace: rate, workload: rate };
  for (const level of HISTORY_LEVELS) {
    const { weight, failures } = history[level];
    rate = (STRENGTH * rate + failures) / (STRENGTH + weight);
    rates[level] = rate;
  }
  return rates;
}

/** One half for a workload that fails as often as all do; the ends are e⁻² and e² times their odds. */
export function historyFactor(history: History): number {
  const { all, workload } = failureRates(history);
  return clamp((logit(workload) - logit(all)) / 4 + 0.5);
}

/** The most that a principal's outcomes count for, given what those of all others count for. */
export const principalCap = (others: number): number => Math.max(3, others / 20);

/** The part of its weight that each principal keeps; the order of the others does not matter, to the bit. */
export function capShares(weights: readonly number[]): number[] {
  const all = sum(weights.toSorted((a, b) => a - b));
  return weights.map((weight) => (weight === 0 ? 1 : Math.min(1, principalCap(all - weight) / weight)));
}

/** The newest of each principal up to its share; items are in order, the newest first. */
export function withinShares<Item extends { readonly principal: string }>(items: readonly Item[]): Item[] {
  const left = new Map<string, number>();
  for (const { principal } of items) left.set(principal, (left.get(principal) ?? 0) + 1);
  for (const [principal, own] of left) left.set(principal, Math.min(own, Math.floor(principalCap(items.length - own))));
  return items.filter(({ principal }) => {
    const mine = left.get(principal) ?? 0;
    left.set(principal, mine - 1);
    return mine > 0;
  });
}

/** One more outcome at every level that it belongs to. */
export const withSuccess = (history: History, levels: readonly HistoryLevel[]): History =>
  Object.fromEntries(
    HISTORY_LEVELS.map((level) => [
      level,
      levels.includes(level) ? { ...history[level], weight: history[level].weight + 1 } : history[level],
    ]),
  ) as Record<HistoryLevel, Tally>;
