/** Everything that needs no process beside itself: format, types, lint, architecture, dead code, generated files, unit tests. */
import { fileURLToPath } from 'node:url';
import { run, runAll } from './parts.mjs';

const jest = (outputFile) => [
  ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects', 'unit'],
  // A slow machine is no failure: what hangs is found by the tests' own deadlines.
  ...['--maxWorkers', '1', '--testTimeout', '30000', ...(outputFile ? ['--json', '--outputFile', outputFile] : [])],
];

/** The longest first, so that two cores end together. Names of the parts that failed. */
export async function check({ unitResults } = {}) {
  if (!(await run({ name: 'build', command: 'node', args: ['scripts/build.mjs'] }))) return ['build'];
  return runAll(
    [
      {
        name: 'lint',
        command: 'eslint',
        args: ['.', '--cache', '--cache-strategy', 'content', '--cache-location', 'node_modules/.cache/eslint'],
      },
      { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
      { name: 'unit', command: 'node', args: jest(unitResults) },
      { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
      { name: 'imports', command: 'depcruise', args: ['apps', 'libs', 'workflows', 'dev', 'bench'] },
      { name: 'unused', command: 'knip', args: [] },
      {
        name: 'generated',
        command: 'node',
        args: ['--import', './scripts/typescript.mjs', 'scripts/generate.mjs', '--check'],
      },
    ],
    2,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await check()).length ? 1 : 0;
