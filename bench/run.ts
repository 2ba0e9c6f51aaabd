/**
 * The one door to the benchmarks: `npm run bench -- [--only NAME]... [--json FILE] [--against FOLDER [--runs N]]`. Each
 * bench runs in a process of its own, one after the other; one that fails is reported and does not keep the others from
 * running. With `--against`, the benches of another checkout (installed with `npm ci`) run in turn with these, N times
 * each (3), and its medians are the reference. Exit code 0 when all ran, 1 when one failed, 2 for a wrong call.
 */
import { fork } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '@scc/runtime';
import { z } from 'zod';
import { compareRuns, runElsewhere } from './against.js';
import { type Bench, type BenchResult, benchResultSchema } from './types.js';

const ENDING = '.bench.js';
const MAX_RUN_MS = 20 * 60 * 1000;
const CHILD = '--child';

const namesOf = async (): Promise<string[]> =>
  (await readdir(import.meta.dirname))
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort();

async function runHere(name: string): Promise<void> {
  const module = (await import(`./${name}${ENDING}`)) as { default: Bench };
  const results = await module.default.run();
  await new Promise((resolve) => process.send?.(benchResultSchema.array().parse(results), resolve));
}

const messageSchema = z.array(benchResultSchema).min(1);

/** The figures of the bench. @throws Error that says why it has no results. */
function runApart(name: string): Promise<BenchResult[]> {
  const child = fork(import.meta.filename, [CHILD, name], { stdio: ['ignore', 2, 2, 'ipc'] });
  return new Promise((resolve, reject) => {
    let results: BenchResult[] | null = null;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`took longer than ${MAX_RUN_MS / 60_000} minutes`));
    }, MAX_RUN_MS);
    child.on('message', (message) => {
      results = messageSchema.parse(message);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (results && code === 0) resolve(results);
      else reject(new Error(`ended with ${signal ?? `code ${code ?? '?'}`}${results ? '' : ', without results'}`));
    });
  });
}

const numberText = (value: number): string =>
  Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(4)));

const HEADER = ['bench', 'figure', 'value', 'unit', 'reference', 'ratio'];
const isNumeric = (column: number): boolean => column === 2 || column === 4 || column === 5;

function table(results: readonly BenchResult[]): string {
  const rows = results.map(({ name, metric, value, unit, reference, ratio }) => [
    name,
    metric,
    numberText(value),
    unit,
    reference === undefined ? '' : numberText(reference),
    ratio === undefined ? '' : ratio.toFixed(2),
  ]);
  const all = [HEADER, ...rows];
  const widths = HEADER.map((_title, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          isNumeric(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The figures of one bench: its own, or held against those of another checkout in runs that take turns. */
async function measure(name: string, { against, runs }: Comparison): Promise<BenchResult[]> {
  if (against === undefined) return runApart(name);
  const here: BenchResult[][] = [];
  const there: BenchResult[][] = [];
  for (let turn = 1; turn <= runs; turn++) {
    console.error(`${name}: turn ${turn} of ${runs}`);
    there.push(await runElsewhere(against, name));
    here.push(await runApart(name));
  }
  return compareRuns(here, there);
}

interface Comparison {
  /** The folder of another checkout. */
  against?: string | undefined;
  runs: number;
}

/** @returns the exit code */
async function runAll(only: readonly string[], json: string | undefined, comparison: Comparison): Promise<number> {
  const names = await namesOf();
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    console.error(`no bench is named ${unknown.join(', ')}; there are: ${names.join(', ')}`);
    return 2;
  }
  const results: BenchResult[] = [];
  const failed: string[] = [];
  for (const name of only.length > 0 ? only : names) {
    const started = performance.now();
    try {
      results.push(...(await measure(name, comparison)));
      console.error(`${name}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    } catch (error) {
      failed.push(name);
      console.error(`${name}: FAILED: ${messageOf(error)}`);
    }
  }
  console.log(table(results));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
  if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}

async function main(): Promise<void> {
  const [first, name] = process.argv.slice(2);
  if (first === CHILD && name !== undefined) {
    await runHere(name);
    process.disconnect();
    return;
  }
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      against: { type: 'string' },
      runs: { type: 'string', default: '3' },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) {
    console.error(`--runs: ${values.runs} is no number of runs; give 1 or more`);
    process.exitCode = 2;
    return;
  }
  process.exitCode = await runAll(values.only, values.json, { against: values.against, runs });
}

await main();
