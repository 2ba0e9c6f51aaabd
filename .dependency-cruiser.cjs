/** The architecture as rules: pure libs <- workflows and adapters <- apps. */
const PURE = '^libs/(plan|scc|risk|policy|audit|routing)/';
const ADAPTER = '^libs/(kube|istio|gateway-api|openshift-route|replicas|governance-api|runtime|tls|admission)/';
/** The files that may import `@temporalio/workflow`. */
const TEMPORAL_FILES =
  '^workflows/migration/(after|campaign|index|operator|waits|hold|journal|activities|failures|contract|tracing)\\.ts$|\\.spec\\.ts$|^dev/e2e/.*\\.workflow\\.ts$';
/** Tests and what only tests and benchmarks load. */
const TEST = '\\.(spec|fixture)\\.ts$|/testing\\.ts$';
module.exports = {
  forbidden: [
    {
      name: 'packages-have-one-front-door',
      comment: 'Import another package by its name; its package.json lists under "exports" what it offers.',
      severity: 'error',
      from: { path: '^((?:apps|libs|workflows)/[^/]+|dev|bench|scripts)/' },
      to: {
        path: '^(apps|libs|workflows|dev|bench|scripts)/',
        pathNot: '^$1/',
        dependencyTypes: ['local'],
        dependencyTypesNot: ['aliased-workspace'],
      },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'libs-know-no-apps',
      severity: 'error',
      from: { path: '^(libs|workflows)/', pathNot: '\\.e2e\\.spec\\.ts$' },
      to: { path: '^(apps|dev|bench)/' },
    },
    { name: 'libs-know-no-workflows', severity: 'error', from: { path: '^libs/' }, to: { path: '^workflows/' } },
    {
      name: 'apps-know-no-apps',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'pure-libs-stay-pure',
      severity: 'error',
      from: { path: PURE, pathNot: TEST },
      to: { pathNot: `${PURE}|node_modules/(zod|@bufbuild|temporal-polyfill)/|^(crypto|util)$` },
    },
    {
      name: 'workflows-are-deterministic',
      severity: 'error',
      from: { path: '^workflows/', pathNot: '\\.spec\\.ts$' },
      to: {
        pathNot: `^workflows/|${PURE}|node_modules/@temporalio/(workflow|common|activity)`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflow-code-is-wired-in-few-files',
      comment: 'The saga and its decisions are plain functions; these files alone know Temporal.',
      severity: 'error',
      from: { pathNot: TEMPORAL_FILES },
      to: { path: 'node_modules/@temporalio/workflow/' },
    },
    {
      name: 'only-libs-kube-imports-kubernetes',
      severity: 'error',
      from: { pathNot: '^libs/kube/' },
      to: { path: 'node_modules/@kubernetes/' },
    },
    {
      name: 'only-libs-policy-imports-cel',
      severity: 'error',
      from: { pathNot: '^libs/policy/' },
      to: { path: 'node_modules/@bufbuild/' },
    },
    {
      name: 'testing-stays-out-of-production',
      severity: 'error',
      from: { pathNot: `${TEST}|^libs/testing/|^bench/|^dev/|^scripts/fuzz-api\\.ts$` },
      to: { path: '^libs/testing/|\\.fixture\\.ts$|/testing\\.ts$' },
    },
    { name: 'adapters-know-no-workflows', severity: 'error', from: { path: ADAPTER }, to: { path: '^workflows/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(coverage|(apps|libs|workflows)/[^/]+/dist|(dev|bench)/dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
