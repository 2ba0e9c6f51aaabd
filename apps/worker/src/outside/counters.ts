/** Counters of a Prometheus, read as differences of raw samples: whole numbers, with what a new series begins with. */

export type Labels = Readonly<Record<string, string>>;
/** Seconds since the epoch, and the counter's value then. */
export type RawSample = readonly [seconds: number, value: number];

/** The state of one series: its newest value, its value when the count begins, and its samples where it fell. */
export interface CounterSeries {
  labels: Labels;
  last: number;
  /** Undefined when the series did not exist then. */
  base: number | undefined;
  /** Whether the counter began again from nothing in between. */
  hasFallen: boolean;
  /** From the base on; needed only where the counter has fallen. */
  samples: readonly RawSample[];
}

/**
 * How much a counter rose. A series that was born since counts from nothing: a burst that came before its first scrape
 * is in its first value. After a restart a counter begins again, and everything that it shows then is new.
 */
export function increaseOf({ last, base, hasFallen, samples }: CounterSeries): number {
  if (!hasFallen || samples.length === 0) return Math.round(Math.max(0, last - (base ?? 0)));
  let before = base ?? 0;
  let sum = 0;
  for (const [, value] of samples) {
    sum += value >= before ? value - before : value;
    before = value;
  }
  return Math.round(sum);
}

/** The sum of what several counters rose by. */
export const sumOf = (series: readonly CounterSeries[]): number =>
  series.reduce((sum, one) => sum + increaseOf(one), 0);

/** How far apart a target is scraped, in seconds: the middle of the gaps between samples; null from fewer than two. */
export function scrapeIntervalOf(samples: readonly RawSample[]): number | null {
  const gaps = samples.slice(1).map(([at], index) => at - (samples[index]?.[0] ?? at));
  const middle = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)];
  return middle === undefined ? null : Math.round(middle * 10) / 10;
}
