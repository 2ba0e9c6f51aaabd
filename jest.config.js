/**
 * Three projects, told apart by suffix: `.spec.ts` does no I/O and finishes in seconds, `.int.spec.ts` uses real
 * PostgreSQL, Temporal or a workflow bundle, `.e2e.spec.ts` uses the whole local stack.
 */
const project = (displayName, testMatch, extra = {}) => ({
  displayName,
  testMatch,
  rootDir: import.meta.dirname,
  roots: ['apps', 'libs', 'workflows', 'dev', 'bench', 'scripts'].map((folder) => `<rootDir>/${folder}`),
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  // Packages of this repository are tested from their sources.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/(apps|libs|workflows)/[^/]+/dist/', '<rootDir>/(dev|bench)/dist/'],
  ...extra,
});

export default {
  reporters: ['default', '<rootDir>/scripts/progress.ts'],
  projects: [
    project('unit', ['**/!(*.int|*.e2e).spec.ts']),
    project('integration', ['**/*.int.spec.ts']),
    project('e2e', ['**/*.e2e.spec.ts']),
  ],
};
