/** Everything that needs no process beside itself: format, types, lint, architecture, dead code, generated files, unit tests. */
import { type CommandPart, runAll } from './parts.ts';

const jest = (outputFile: string | undefined): string[] => [
  ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects', 'unit'],
  // A slow machine is no failure: what hangs is found by the tests' own deadlines.
  ...['--maxWorkers', '1', '--testTimeout', '30000', ...(outputFile ? ['--json', '--outputFile', outputFile] : [])],
];

const SOURCES = ['apps', 'libs', 'workflows', 'dev', 'bench', 'scripts'];

/** The longest first, so that two cores end together. */
const parts = (unitResults: string | undefined): CommandPart[] => [
  {
    name: 'lint',
    command: 'eslint',
    args: ['.', '--cache', '--cache-strategy', 'content', '--cache-location', 'node_modules/.cache/eslint'],
  },
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'types of the console', command: 'tsc', args: ['-p', 'apps/console/tsconfig.json'] },
  { name: 'unit', command: 'node', args: jest(unitResults) },
  { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'imports', command: 'depcruise', args: SOURCES },
  { name: 'folders', command: 'depcruise', args: ['--config', '.dependency-cruiser.folders.cjs', ...SOURCES] },
  { name: 'names', command: 'node', args: ['scripts/names.ts'] },
  { name: 'events', command: 'node', args: ['scripts/raised.ts'] },
  { name: 'unused', command: 'knip', args: ['--tsConfig', 'tsconfig.build.json'] },
  { name: 'generated', command: 'node', args: ['scripts/generate.ts', '--check'] },
];

/** Checks what is built. @returns the names of the parts that failed */
export const check = ({ unitResults }: { unitResults?: string } = {}): Promise<string[]> =>
  runAll(parts(unitResults), 2);

if (import.meta.main) process.exitCode = (await check()).length > 0 ? 1 : 0;
