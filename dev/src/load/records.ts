import type { Counts, FailedRequest, LoadSummary, WindowSummary } from './protocol.js';

/** The result of one request. */
export interface Outcome {
  /** Milliseconds since the epoch, when it was due. */
  dueMs: number;
  latencyMs: number;
  stream: string;
  method: string;
  path: string;
  /** 0 when there was no answer. */
  status: number;
  error: string | null;
  pod: string;
  scc: string;
  /** The name of the write that the answer acknowledges; absent where it acknowledges none. */
  write?: string;
  /** The first characters of the answer of a server that failed. */
  said?: string;
}

const LISTED_FAILURES = 500;

/** Only an answer below 400 is a success: the load asks for nothing that does not exist. */
export const failed = ({ status }: Pick<Outcome, 'status'>): boolean => status < 200 || status > 399;

/** The value below which a share of sorted numbers lies (nearest rank); null without numbers. */
export function percentile(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? null : Number(value.toFixed(2));
}

/** Counts and latencies of some requests. */
export function countsOf(outcomes: readonly Outcome[]): Counts {
  const latencies = outcomes.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return {
    requests: outcomes.length,
    failed: outcomes.filter(failed).length,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  };
}

export const tally = (outcomes: readonly Outcome[], key: (outcome: Outcome) => string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[key(outcome)] = (counts[key(outcome)] ?? 0) + 1;
  return counts;
};

const failureOf = ({ dueMs, latencyMs, stream, method, path, status, error, pod, said }: Outcome): FailedRequest => ({
  at: new Date(dueMs).toISOString(),
  ...{ stream, method, path, status, error, pod },
  ...(said === undefined ? {} : { said }),
  latencyMs: Number(latencyMs.toFixed(2)),
});

/** Every outcome so far, and the labelled windows into which the time is cut. */
export class Records {
  #outcomes: Outcome[] = [];
  #windows: { label: string; fromMs: number }[] = [];

  get all(): readonly Outcome[] {
    return this.#outcomes;
  }

  add(outcome: Outcome): void {
    this.#outcomes.push(outcome);
  }

  /** Ends the current window and begins another. A request belongs to the window in which it was due. */
  beginWindow(label: string, nowMs: number): void {
    this.#windows.push({ label, fromMs: nowMs });
  }

  summarize(state: { open: number; worstLagMs: number }): LoadSummary {
    const windows = this.#windows.map(({ label, fromMs }, index): WindowSummary => {
      const untilMs = this.#windows[index + 1]?.fromMs ?? Infinity;
      const inside = this.#outcomes.filter(({ dueMs }) => dueMs >= fromMs && dueMs < untilMs);
      const streams = [...new Set(inside.map(({ stream }) => stream))];
      return {
        label,
        ...countsOf(inside),
        byStream: Object.fromEntries(
          streams.map((name) => [name, countsOf(inside.filter(({ stream }) => stream === name))]),
        ),
        byPod: tally(inside, ({ pod }) => pod),
        byScc: tally(inside, ({ scc }) => scc),
      };
    });
    return {
      total: countsOf(this.#outcomes),
      ...state,
      windows,
      failures: this.#outcomes.filter(failed).slice(0, LISTED_FAILURES).map(failureOf),
      acknowledged: this.#outcomes.flatMap(({ write }) => write ?? []),
    };
  }

  toCsv(): string {
    const lines = this.#outcomes.map(({ dueMs, latencyMs, stream, method, path, status, error, pod, scc }) =>
      [dueMs.toFixed(1), stream, method, path, status, error ?? '', latencyMs.toFixed(2), pod, scc].join(','),
    );
    return `due_ms,stream,method,path,status,error,latency_ms,pod,scc\n${lines.join('\n')}\n`;
  }
}
