import { grantBindingName, type Phase, PLAN_TYPE, type PlanSpecInput } from '@scc/plan';

/** Something that happens to the system when the plan is first seen in a phase. */
export interface Action {
  at: Phase;
  /** Ends the worker with SIGKILL and starts it again after so many more requests were sent. */
  do: 'killWorker';
  awayForRequests: number;
}

export interface Scenario {
  id: number;
  title: string;
  /** The name of the workload, of the Service that it may have, and of the plan. */
  workload: string;
  spec: PlanSpecInput;
  /** The workload's share of all requests, or so many a second regardless of the rest. */
  load: { share: number } | { perSecond: number };
  actions: readonly Action[];
  outcome: Phase;
  /** The highest share of the requests, in percent, that the canary gets. */
  highestWeight: number;
  /** Objects (Kind/name) that a migration changes for good. A rollback or a refusal changes none. */
  changes: readonly string[];
  /** Its files have owners of their own, which only a stack that root started can give them. */
  needsOwners?: true;
  timeoutMs: number;
}

export const NAMESPACE = 'shop';

const MIGRATION_TIMEOUT_MS = 120_000;

type Gates = NonNullable<PlanSpecInput['gates']>;
type Traffic = NonNullable<PlanSpecInput['traffic']>;

const gates = (over: Partial<Gates> = {}): Gates => ({
  readiness: { timeout: '60s' },
  metrics: [{ name: 'success-rate', preset: 'request-success-rate', min: 99, interval: '1s', failureLimit: 0 }],
  ...over,
});
const zeroHolds: Traffic = { mirror: { duration: '0s' }, interval: '0s' };

const planFor = (workload: string, over: Partial<PlanSpecInput> = {}): PlanSpecInput => ({
  workloadRef: { kind: 'Deployment', name: workload },
  sourceSCC: 'anyuid',
  targetSCC: 'restricted-v2',
  traffic: zeroHolds,
  gates: gates(),
  ...over,
});

/** A completed migration changes the template, grants the target and takes the old grant away. */
const migrated = (workload: string, kind = 'Deployment'): string[] => [
  `${kind}/${workload}`,
  `RoleBinding/${workload}-anyuid`,
  `RoleBinding/${grantBindingName('restricted-v2', workload)}`,
];

export const SCENARIOS: readonly Scenario[] = [
  {
    id: 1,
    title: 'a live service moves from anyuid to restricted-v2',
    workload: 'ledger',
    spec: planFor('ledger'),
    load: { share: 0.6 },
    actions: [],
    outcome: 'Completed',
    highestWeight: 100,
    changes: migrated('ledger'),
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 2,
    title: 'the target answers with errors under the load of 25 %',
    workload: 'catalog',
    spec: planFor('catalog', {
      traffic: { mirror: { duration: '0s' }, interval: '5s' },
      // Single pods meet a burst already at 10 %: the bound lies well above that and well below what 25 % does.
      gates: gates({
        metrics: [{ name: 'success-rate', preset: 'request-success-rate', min: 90, interval: '1s', failureLimit: 0 }],
      }),
    }),
    load: { perSecond: 180 },
    actions: [],
    outcome: 'RolledBack',
    highestWeight: 25,
    changes: [],
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 3,
    title: 'the worker is killed in TrafficShifting and again in Migrating',
    workload: 'payments',
    spec: planFor('payments', { traffic: { mirror: { duration: '2s' }, interval: '1s' } }),
    load: { share: 0.6 },
    actions: [
      { at: 'TrafficShifting', do: 'killWorker', awayForRequests: 600 },
      { at: 'Migrating', do: 'killWorker', awayForRequests: 600 },
    ],
    outcome: 'Completed',
    highestWeight: 100,
    changes: migrated('payments'),
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 4,
    title: 'a plan that cannot work is refused, with every reason at once',
    workload: 'reports',
    spec: planFor('reports'),
    load: { share: 0.2 },
    actions: [],
    outcome: 'Rejected',
    highestWeight: 0,
    changes: [],
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 5,
    title: 'the rollout of the workload fails after the canary took 100 %',
    workload: 'orders',
    spec: planFor('orders', { gates: gates({ readiness: { timeout: '15s' } }) }),
    load: { share: 0.6 },
    actions: [],
    outcome: 'RolledBack',
    highestWeight: 100,
    changes: [],
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 6,
    title: 'the pods of a database move one by one under writes',
    workload: 'sessions',
    spec: planFor('sessions', { workloadRef: { kind: 'StatefulSet', name: 'sessions' } }),
    load: { share: 0.3 },
    actions: [],
    outcome: 'Completed',
    highestWeight: 0,
    changes: migrated('sessions', 'StatefulSet'),
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 7,
    title: 'the third pod of a database refuses its data under the target',
    workload: 'deposits',
    spec: planFor('deposits', {
      workloadRef: { kind: 'StatefulSet', name: 'deposits' },
      gates: gates({ readiness: { timeout: '8s' } }),
    }),
    load: { share: 0.3 },
    actions: [],
    outcome: 'RolledBack',
    highestWeight: 0,
    changes: [],
    needsOwners: true,
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 8,
    title: 'an agent on each of three nodes moves node by node',
    workload: 'node-agent',
    spec: planFor('node-agent', { workloadRef: { kind: 'DaemonSet', name: 'node-agent' } }),
    load: { share: 0 },
    actions: [],
    outcome: 'Completed',
    highestWeight: 0,
    changes: migrated('node-agent', 'DaemonSet'),
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
  {
    id: 9,
    title: 'a nightly backup, here of every minute, fails in its next run and gets its template back',
    workload: 'backup',
    spec: {
      workloadRef: { apiVersion: 'batch/v1', kind: 'CronJob', name: 'backup' },
      targetSCC: 'restricted-v2',
      // Asked for where it has not run yet, so that nothing shows the SCC that its pods have.
      justification: 'a backup needs no root',
      gates: gates(),
    },
    load: { share: 0 },
    actions: [],
    outcome: 'RolledBack',
    highestWeight: 0,
    changes: [],
    timeoutMs: MIGRATION_TIMEOUT_MS,
  },
];

/** The plan as a user would write it. */
export const scenarioPlanOf = ({ workload, spec }: Scenario, name = workload): object => ({
  ...PLAN_TYPE,
  metadata: { name, namespace: NAMESPACE },
  spec,
});
