/**
 * The gate: every kind of test once. The programs of the local stack, `check`, then the kinds of tests on real parts
 * one after another. Ends with the slowest suites and a line that counts: jest's tests, each operation of the API that
 * was fuzzed, and every part that failed without counting.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './check.ts';
import { root } from './packages.ts';
import { type CommandPart, run } from './parts.ts';
import { type TestCounts, jestResults, junitResults, type SuiteTime } from './results.ts';

const SLOWEST = 10;

const total = { passed: 0, failed: 0 };
const suites: SuiteTime[] = [];

/** Runs one part that counts its own tests; what fails without a failed test counts as one. */
async function counted(
  part: CommandPart,
  results: () => Promise<TestCounts & { suites?: SuiteTime[] }>,
): Promise<void> {
  console.log(`\n== ${part.name}`);
  const ok = await run({ ...part, inherit: true });
  const { passed, failed, suites: timed = [] } = await results();
  total.passed += passed;
  total.failed += !ok && failed === 0 ? 1 : failed;
  suites.push(...timed);
}

const jest = (project: string, resultFile: string, extra: readonly string[]): CommandPart => ({
  name: project,
  command: 'node',
  args: [
    ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects', project],
    ...['--json', '--outputFile', resultFile, ...extra],
  ],
  resultFile,
});

async function gate(folder: string): Promise<void> {
  console.log('== check');
  const unitResults = path.join(folder, 'unit.json');
  const failedParts = await check({ unitResults });
  const unit = await jestResults(unitResults);
  total.passed += unit.passed;
  total.failed += unit.failed + failedParts.filter((name) => name !== 'unit' || unit.failed === 0).length;
  suites.push(...unit.suites);

  console.log('\n== programs of the local stack (built once, then cached)');
  const programs = { name: 'programs', command: 'node', args: ['dev/dist/binaries/main.js'], inherit: true };
  if (!(await run(programs))) total.failed++;

  const integration = path.join(folder, 'integration.json');
  await counted(jest('integration', integration, ['--maxWorkers', '2', '--testTimeout', '60000']), () =>
    jestResults(integration),
  );
  const fuzzed = path.join(folder, 'fuzz.xml');
  const fuzz = { name: 'fuzz', command: 'node', args: ['scripts/fuzz-api.ts', '--examples', '10', '--junit', fuzzed] };
  await counted(fuzz, () => junitResults(fuzzed));
  const e2e = path.join(folder, 'e2e.json');
  // Two stacks at once: their tests wait for holds and rollouts more than they compute. With three, the webhook's own
  // deadlines pass on two cores.
  await counted(jest('e2e', e2e, ['--maxWorkers', '2', '--testTimeout', '180000']), () => jestResults(e2e));
}

function printSlowest(): void {
  console.log('\n== slowest suites');
  const slowest = suites.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  for (const { file, seconds } of slowest)
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${path.relative(root, file)}`);
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
