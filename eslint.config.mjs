import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

const UNPARSED = {
  selector: 'TSAsExpression > TSAsExpression > TSUnknownKeyword',
  message: 'Parse external data with a schema.',
};

const TESTS = ['**/*.spec.ts', '**/*.fixture.ts', '**/testing.ts'];

/** Workflows share one context: what a module keeps, one workflow would see of another. */
const STATE = 'Workflows that share a context would see this state of each other: keep it in the workflow.';
const MODULE_STATE = ['Program', 'Program > ExportNamedDeclaration'].flatMap((top) => [
  { selector: `${top} > VariableDeclaration[kind=/^(let|var)$/]`, message: STATE },
  {
    selector: `${top} > VariableDeclaration > VariableDeclarator > NewExpression[callee.name=/^(Map|WeakMap|WeakSet|Array)$/]`,
    message: STATE,
  },
  {
    selector: `${top} > VariableDeclaration > VariableDeclarator > NewExpression[callee.name='Set'][arguments.length=0]`,
    message: STATE,
  },
  {
    selector: `${top} > VariableDeclaration > VariableDeclarator > ArrayExpression[elements.length=0]`,
    message: STATE,
  },
  {
    selector: `${top} > VariableDeclaration > VariableDeclarator > ObjectExpression[properties.length=0]`,
    message: STATE,
  },
]);

/** Words that every part shares have one home: libs/plan. */
const PHASE =
  '/^(Pending|Validating|Mirroring|TrafficShifting|Migrating|Completed|RollingBack|RolledBack|Rejected|Failed)$/';
const MARK = 'Labels, annotations, groups and versions come from @scc/plan.';
const WORDS = [
  { selector: 'Literal[value=/^scc\\.poc\\u002F/]', message: MARK },
  { selector: 'TemplateElement[value.raw=/scc\\.poc\\u002F/]', message: MARK },
  {
    selector: `ArrayExpression > Literal[value=${PHASE}] + Literal[value=${PHASE}]`,
    message: 'Lists of phases come from @scc/plan: isTerminal, hasTouched, PHASES.',
  },
];

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '**/*.js', '**/*.cjs', '**/*.mjs'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      complexity: ['error', 12],
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-syntax': ['error', UNPARSED],
    },
  },
  {
    files: ['**/*.spec.ts', 'dev/e2e/suites/**', 'libs/testing/**'],
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    // The workflow bundle is made of these and of workflows/ and libs/routing below.
    files: ['libs/plan/src/**/*.ts'],
    ignores: TESTS,
    rules: { 'no-restricted-syntax': ['error', UNPARSED, ...MODULE_STATE] },
  },
  {
    files: ['{apps,libs,dev,bench,scripts}/**/*.ts'],
    // Tests spell what they expect; the names of problems and images are addresses of their own.
    ignores: [...TESTS, 'libs/{plan,routing}/**', 'libs/governance-api/src/errors.ts', 'dev/src/kubelet/behaviour.ts'],
    rules: { 'no-restricted-syntax': ['error', UNPARSED, ...WORDS] },
  },
  {
    files: ['workflows/**/*.ts', 'libs/routing/src/**/*.ts'],
    ignores: TESTS,
    rules: { 'no-restricted-syntax': ['error', UNPARSED, ...MODULE_STATE, ...WORDS] },
  },
  {
    // Nest declares plain options, and Express its requests, as classes.
    files: ['apps/governance/**'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
  {
    files: ['apps/**', 'libs/**', 'workflows/**'],
    ignores: ['**/config.ts', '**/in-cluster.ts', '**/*.spec.ts', 'libs/testing/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only config.ts reads the environment.' },
      ],
    },
  },
);
