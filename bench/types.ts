/** One measured number. */
export interface BenchResult {
  /** What was measured, `scc-decision`. */
  readonly name: string;
  /** Which figure of it, `mean` or `p99`. */
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** The figure it is held against in the same unit, and value divided by it; absent when there is none. */
  readonly reference?: number;
  readonly ratio?: number;
}

export interface Bench {
  readonly name: string;
  run(): Promise<BenchResult[]>;
}
