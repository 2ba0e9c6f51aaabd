/**
 * Everything: the programs of the local stack, `check`, then the tests on real parts one after another, because each
 * of them wants the whole machine. The last line counts: jest's tests, each operation of the API that was fuzzed, and
 * every part that failed without counting.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './check.mjs';
import { run } from './parts.mjs';

const folder = await mkdtemp(path.join(tmpdir(), 'scc-test-'));
const total = { passed: 0, failed: 0 };

/** A suite that could not even run counts as one failed test. Whether there was anything to count. */
async function count(resultFile) {
  const text = await readFile(resultFile, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(text);
  total.passed += numPassedTests;
  total.failed += numFailedTests + numRuntimeErrorTestSuites;
  return numFailedTests + numRuntimeErrorTestSuites > 0;
}

/** Counts a report in the form of JUnit: one case for each operation, and one for sequences of them. */
async function countCases(resultFile) {
  const text = await readFile(resultFile, 'utf8').catch(() => '');
  const cases = [...text.matchAll(/<testcase [^>]*?(?:\/>|>([^]*?)<\/testcase>)/g)].map(([, inside = '']) => inside);
  const failed = cases.filter((inside) => /<(failure|error)[ >]/.test(inside)).length;
  const skipped = cases.filter((inside) => /<skipped[ />]/.test(inside)).length;
  total.passed += cases.length - skipped - failed;
  total.failed += failed;
  return failed > 0;
}

/** Runs one part that counts its own tests; what fails without a failed test counts as one. */
async function counted(part, resultFile, countIn = count) {
  console.log(`\n== ${part.name}`);
  const ok = await run({ ...part, inherit: true });
  const counts = await countIn(resultFile);
  if (!ok && !counts) total.failed++;
}

const jest = (project, resultFile, extra = []) => ({
  name: project,
  command: 'node',
  args: [
    ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects', project],
    ...['--json', '--outputFile', resultFile, ...extra],
  ],
});

try {
  console.log('== check');
  const unitResults = path.join(folder, 'unit.json');
  const failedParts = await check({ unitResults });
  const unitCounts = await count(unitResults);
  total.failed += failedParts.filter((name) => name !== 'unit' || !unitCounts).length;

  console.log('\n== programs of the local stack (built once, then cached)');
  const binaries = { name: 'programs', command: 'node', args: ['dist/dev/src/binaries/main.js'], inherit: true };
  if (!(await run(binaries))) total.failed++;

  const integration = path.join(folder, 'integration.json');
  await counted(jest('integration', integration, ['--maxWorkers', '2', '--testTimeout', '60000']), integration);
  const fuzzed = path.join(folder, 'fuzz.xml');
  const fuzz = { name: 'fuzz', command: 'node', args: ['scripts/fuzz-api.mjs', '--examples', '10', '--junit', fuzzed] };
  await counted(fuzz, fuzzed, countCases);
  const e2e = path.join(folder, 'e2e.json');
  await counted(jest('e2e', e2e, ['--runInBand', '--testTimeout', '120000']), e2e);
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
