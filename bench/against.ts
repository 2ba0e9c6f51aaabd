import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type BenchResult, benchResultSchema } from './types.js';

const MAX_RUN_MS = 25 * 60 * 1000;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
};

const keyOf = ({ name, metric, unit }: BenchResult): string => `${name}/${metric}/${unit}`;

/**
 * What the checkout in `folder`, installed with npm, measures with its own bench of that name.
 * @throws Error when it has no such bench, or when it fails
 */
export async function runElsewhere(folder: string, name: string): Promise<BenchResult[]> {
  const temporary = await mkdtemp(path.join(tmpdir(), 'scc-bench-'));
  try {
    const json = path.join(temporary, 'results.json');
    await promisify(execFile)('npm', ['run', '-s', 'bench', '--', '--only', name, '--json', json], {
      cwd: folder,
      timeout: MAX_RUN_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
    return benchResultSchema.array().parse(JSON.parse(await readFile(json, 'utf8')));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * One row for each figure that both sides measured: the median of the runs here, with the median of the runs there as
 * its reference. Figures that only one side knows are left out.
 */
export function compareRuns(
  here: readonly (readonly BenchResult[])[],
  there: readonly (readonly BenchResult[])[],
): BenchResult[] {
  const valuesOf = (runs: readonly (readonly BenchResult[])[], key: string): number[] =>
    runs.flat().flatMap((result) => (keyOf(result) === key ? [result.value] : []));
  return (here[0] ?? []).flatMap(({ name, metric, unit }) => {
    const key = keyOf({ name, metric, unit, value: 0 });
    const [now, before] = [valuesOf(here, key), valuesOf(there, key)];
    if (before.length === 0) return [];
    const [value, reference] = [median(now), median(before)];
    return [{ name, metric, value, unit, reference, ...(reference === 0 ? {} : { ratio: value / reference }) }];
  });
}
