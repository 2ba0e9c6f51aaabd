import { scrapeIntervalOf, type CounterSeries, type Labels, type RawSample } from './counters.js';

/** How far back a counter's value at a moment is looked for, in seconds. */
const LOOKBACK_S = 300;
/** Over which stretch the distance of scrapes is measured, in seconds. */
const INTERVAL_WINDOW_S = 180;

/** One series of what a query yields: its value, or its samples. */
export interface Yielded {
  metric: Labels;
  value?: readonly [number, string] | undefined;
  values: readonly (readonly [number, string])[];
}

type Ask = (query: string, namespace: string, atMs?: number) => Promise<Yielded[]>;
/** A stretch up to now, in milliseconds since the epoch by the clock that stamps the samples. */
export interface When {
  namespace: string;
  sinceMs: number;
  nowMs: number;
}

const keyOf = (labels: Labels): string => JSON.stringify(Object.entries(labels).toSorted());

/** Reads counters as their raw values now and at a moment, and all samples where one fell in between. */
export class Counters {
  constructor(private readonly ask: Ask) {}

  /**
   * @param selector of the series
   * @param names of the counters that the selector picks, where they are several; empty for one
   */
  async series(
    selector: string,
    names: readonly string[],
    { namespace, sinceMs, nowMs }: When,
  ): Promise<CounterSeries[]> {
    const windowS = Math.max(1, Math.ceil((nowMs - sinceMs) / 1000));
    const [newest, then, fallen] = await Promise.all([
      this.ask(`last_over_time(${selector}[${windowS}s])`, namespace),
      this.ask(`last_over_time(${selector}[${LOOKBACK_S}s])`, namespace, sinceMs),
      this.fallen(selector, names, { namespace, windowS: windowS + LOOKBACK_S }),
    ]);
    const before = new Map(then.map(({ metric, value }) => [keyOf(metric), Number(value?.[1])]));
    // Counters that are new while nothing at all was scraped before may be old: of them only what rose since is known.
    const isBlind =
      names.length > 0 &&
      newest.some(({ metric }) => !before.has(keyOf(metric))) &&
      !(await this.scrapedAt(names, { namespace, sinceMs }));
    const raw =
      fallen || isBlind ? await this.raw(selector, { namespace, sinceMs, windowS }) : new Map<string, RawSample[]>();
    return newest.map(({ metric, value }) => {
      const samples = raw.get(keyOf(metric)) ?? [];
      const base = before.get(keyOf(metric)) ?? (isBlind ? samples[0]?.[1] : undefined);
      return { labels: metric, last: Number(value?.[1] ?? 0), base, hasFallen: fallen, samples };
    });
  }

  /** How far apart the counters are scraped, in seconds; null when nothing says. */
  async interval(selector: string, namespace: string): Promise<number | null> {
    const found = await this.ask(`${selector}[${INTERVAL_WINDOW_S}s]`, namespace);
    return scrapeIntervalOf((found[0]?.values ?? []).map(([at, value]): RawSample => [at, Number(value)]));
  }

  /** Whether Prometheus scraped anything at a moment. */
  private async scrapedAt(names: readonly string[], { namespace, sinceMs }: Omit<When, 'nowMs'>): Promise<boolean> {
    const any = `count(last_over_time({__name__=~"up|${names.join('|')}"}[${LOOKBACK_S}s]))`;
    return (await this.ask(any, namespace, sinceMs)).length > 0;
  }

  private async fallen(
    selector: string,
    names: readonly string[],
    { namespace, windowS }: { namespace: string; windowS: number },
  ): Promise<boolean> {
    // The function drops the names of counters, so that each is asked for by itself.
    const parts =
      names.length > 1 ? names.map((name) => selector.replace(/__name__=~"[^"]*"/, `__name__="${name}"`)) : [selector];
    const sums = parts.map((part) => `(sum(resets(${part}[${windowS}s])) or vector(0))`);
    return Number((await this.ask(sums.join(' + '), namespace))[0]?.value?.[1] ?? 0) > 0;
  }

  private async raw(selector: string, { namespace, sinceMs, windowS }: Omit<When, 'nowMs'> & { windowS: number }) {
    const found = await this.ask(`${selector}[${windowS}s]`, namespace);
    return new Map(
      found.map(({ metric, values }) => [
        keyOf(metric),
        values.filter(([at]) => at * 1000 > sinceMs).map(([at, value]): RawSample => [at, Number(value)]),
      ]),
    );
  }
}
