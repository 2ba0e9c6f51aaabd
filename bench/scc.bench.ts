import { readFile } from 'node:fs/promises';
import {
  type AdmissionRequest,
  type CompiledSCCs,
  compileSCCs,
  conformanceCaseSchema,
  decide,
  defaultSCCs,
  podSchema,
  requestOfCase,
} from '@scc/scc';
import type { Bench, BenchResult } from './types.js';

/** What OpenShift's own plugin took for a decision on one core, with the same 13 to 15 SCCs. */
const PLUGIN_US = 460;
const ROUNDS = 60;

interface Prepared {
  readonly request: AdmissionRequest;
  readonly compiled: CompiledSCCs;
}

async function prepare(): Promise<Prepared[]> {
  const text = await readFile('libs/scc/fixtures/cases.jsonl', 'utf8');
  const cluster = defaultSCCs();
  const withoutOwn = compileSCCs(cluster);
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const recorded = conformanceCaseSchema.parse(JSON.parse(line));
      const compiled = recorded.sccs?.length ? compileSCCs([...cluster, ...recorded.sccs]) : withoutOwn;
      return { request: requestOfCase(recorded), compiled };
    });
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;

/** Microseconds of each call, after one round that warms up. */
function measure<T>(items: readonly T[], call: (item: T) => unknown): number[] {
  const times: number[] = [];
  for (let round = -5; round < ROUNDS; round += 1)
    for (const item of items) {
      const start = process.hrtime.bigint();
      call(item);
      if (round >= 0) times.push(Number(process.hrtime.bigint() - start) / 1000);
    }
  return times.sort((a, b) => a - b);
}

function results(name: string, times: readonly number[]): BenchResult[] {
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  const figure = (metric: string, value: number): BenchResult => ({
    name,
    metric,
    value,
    unit: 'us',
    reference: PLUGIN_US,
    ratio: value / PLUGIN_US,
  });
  return [figure('mean', mean), figure('p50', percentile(times, 0.5)), figure('p99', percentile(times, 0.99))];
}

const bench: Bench = {
  name: 'scc',
  async run() {
    const prepared = await prepare();
    const decision = measure(prepared, ({ request, compiled }) => decide(request, compiled));
    const parsed = measure(prepared, ({ request, compiled }) =>
      decide({ ...request, pod: podSchema.parse(request.pod) }, compiled),
    );
    return [...results('scc-decision', decision), ...results('scc-decision-with-parsing', parsed)];
  },
};
export default bench;
