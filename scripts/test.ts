/**
 * The gate: every kind of test once. The programs of the local stack, `check`, then the tests on real parts one after
 * another, because each of them wants the whole machine. Ends with the slowest suites and a line that counts: jest's
 * tests, each operation of the API that was fuzzed, and every part that failed without counting.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './check.ts';
import { root } from './packages.ts';
import { type Part, run } from './parts.ts';

const SLOWEST = 10;

/** What the gate reads of jest's `--json` report. */
interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: { name: string; startTime: number; endTime: number }[];
}

interface Suite {
  name: string;
  seconds: number;
}

const total = { passed: 0, failed: 0 };
const suites: Suite[] = [];

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

/** A suite that could not even run counts as one failed test. @returns whether a failed test was counted */
async function countTests(resultFile: string): Promise<boolean> {
  const text = await textOf(resultFile);
  if (text === '') return false;
  const report = JSON.parse(text) as JestReport;
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  total.passed += report.numPassedTests;
  total.failed += failed;
  for (const { name, startTime, endTime } of report.testResults)
    suites.push({ name: path.relative(root, name), seconds: (endTime - startTime) / 1000 });
  return failed > 0;
}

/** Counts a report in the form of JUnit: one case for each operation, and one for sequences of them. */
async function countCases(resultFile: string): Promise<boolean> {
  const text = await textOf(resultFile);
  const cases = [...text.matchAll(/<testcase [^>]*?(?:\/>|>([^]*?)<\/testcase>)/g)].map(([, inside = '']) => inside);
  const failed = cases.filter((inside) => /<(failure|error)[ >]/.test(inside)).length;
  const skipped = cases.filter((inside) => /<skipped[ />]/.test(inside)).length;
  total.passed += cases.length - skipped - failed;
  total.failed += failed;
  return failed > 0;
}

/** Runs one part that counts its own tests; what fails without a failed test counts as one. */
async function counted(part: Part, resultFile: string, countIn = countTests): Promise<void> {
  console.log(`\n== ${part.name}`);
  const ok = await run({ ...part, inherit: true });
  const hasCounted = await countIn(resultFile);
  if (!ok && !hasCounted) total.failed++;
}

const jest = (project: string, resultFile: string, extra: readonly string[]): Part => ({
  name: project,
  command: 'node',
  args: [
    ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects', project],
    ...['--json', '--outputFile', resultFile, ...extra],
  ],
});

async function gate(folder: string): Promise<void> {
  console.log('== check');
  const unitResults = path.join(folder, 'unit.json');
  const failedParts = await check({ unitResults });
  const unitCounts = await countTests(unitResults);
  total.failed += failedParts.filter((name) => name !== 'unit' || !unitCounts).length;

  console.log('\n== programs of the local stack (built once, then cached)');
  const programs = { name: 'programs', command: 'node', args: ['dev/dist/binaries/main.js'], inherit: true };
  if (!(await run(programs))) total.failed++;

  const integration = path.join(folder, 'integration.json');
  await counted(jest('integration', integration, ['--maxWorkers', '2', '--testTimeout', '60000']), integration);
  const fuzzed = path.join(folder, 'fuzz.xml');
  const fuzz = { name: 'fuzz', command: 'node', args: ['scripts/fuzz-api.ts', '--examples', '10', '--junit', fuzzed] };
  await counted(fuzz, fuzzed, countCases);
  const e2e = path.join(folder, 'e2e.json');
  await counted(jest('e2e', e2e, ['--runInBand', '--testTimeout', '120000']), e2e);
}

function printSlowest(): void {
  console.log('\n== slowest suites');
  const slowest = suites.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  for (const { name, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
}

const folder = await mkdtemp(path.join(tmpdir(), 'scc-test-'));
try {
  await gate(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
printSlowest();
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
