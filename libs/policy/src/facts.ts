import { type CelData, toCelData } from './expression.js';

/** The facts that policies may read. */
export const POLICY_INPUTS = ['plan', 'workload', 'namespace', 'scc', 'patch', 'risk', 'time', 'history'] as const;

export type PolicyFacts = Record<(typeof POLICY_INPUTS)[number], Record<string, unknown>>;

/** Fields that are fractions: whole or not, CEL reads them as double. */
const DOUBLES: ReadonlySet<string> = new Set([
  ...['requestsPerSecond', 'changeRisk', 'exposure', 'low', 'high', 'min', 'max'],
]);

/** Facts as CEL reads them. */
export const celFactsOf = (facts: PolicyFacts): Record<string, CelData> =>
  Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, toCelData(value, DOUBLES)]));

/** A small migration to a stricter SCC, of which all is known: what a test of a policy begins with. */
export const EXAMPLE_FACTS: PolicyFacts = {
  plan: {
    workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' },
    targetSCC: 'restricted-v2',
    podSecurity: { mode: 'Apply', patch: {} },
    grants: { source: 'Revoke' },
    approval: { required: false },
    schedule: { windows: [] },
    rollback: { onFailure: 'Automatic' },
    canary: { replicas: 'Full' },
    suspend: false,
    dryRun: false,
    namespace: 'shop',
    name: 'orders',
    author: 'ana',
    generation: 1,
    justification: '',
    metrics: ['success-rate'],
    weights: [10, 25, 50, 75, 100],
    mirror: { percentage: 100, duration: '2m', methods: 'Safe' },
    minutes: 5,
  },
  workload: {
    kind: 'Deployment',
    name: 'orders',
    labels: { app: 'orders' },
    replicas: 3,
    serviceAccountName: 'orders',
    pods: 3,
    services: ['orders'],
    dependents: 0,
    requestsPerSecond: 10,
    priorityClassName: null,
    template: { spec: { containers: [{ name: 'app', image: 'orders' }] } },
    patchedTemplate: { spec: { containers: [{ name: 'app', image: 'orders' }] } },
  },
  namespace: { name: 'shop', labels: {} },
  scc: {
    source: 'anyuid',
    target: 'restricted-v2',
    targetPrivileged: false,
    targetHost: false,
    known: true,
    relation: 'narrower',
    loosens: false,
    gains: [],
    losses: [],
  },
  patch: { extras: [], kinds: [], fields: '' },
  risk: { band: 'low', level: 0, raisedBy: 'both', changeRisk: 0.01, exposure: 0.1, low: 0, high: 0.05 },
  time: { now: '2026-03-10T12:00:00.000Z', hour: 12, weekday: 'Tue' },
  history: { completed: 0, undone: 0 },
};
