import { planSpecSchema, type PlanSpec, type PlanSpecInput } from '@scc/plan';
import type { AcceptedPlan, Assessment, MigrationOutline, MigrationTarget } from './contract.js';

/** Builders of plans and of what is migrated, for specs; production code never imports this file. */

export const aTarget = (over: Partial<MigrationOutline> = {}): MigrationOutline => ({
  ref: { namespace: 'shop', name: 'ledger', uid: 'u1' },
  kind: 'Deployment',
  workload: 'ledger',
  workloadUid: 'w1',
  canary: 'ledger-scc-canary',
  replicas: 3,
  sourceSCC: 'anyuid',
  targetSCC: 'restricted-v2',
  services: ['ledger'],
  targetHash: 'h',
  way: 'forward',
  ...over,
});

/** The material that governance hands to an activity. */
export const aWholeTarget = (): MigrationTarget => {
  const { services, targetHash: _hash, way: _way, ...named } = aTarget();
  return {
    ...named,
    sourceServiceAccount: 'ledger',
    targetServiceAccount: 'ledger',
    label: { key: 'app', stable: 'ledger', canary: 'ledger-scc-canary' },
    services: services.map((name) => ({ name, canary: `${name}-scc-canary` })),
    templateBefore: { version: 'before' },
    templateAfter: { version: 'after' },
    policies: [],
    autoscalers: [],
    survey: {},
    drainMs: 0,
  };
};

/** The smallest plan of a Deployment. */
export const aSpec = (over: Partial<PlanSpecInput> = {}): PlanSpec =>
  planSpecSchema.parse({ workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2', ...over });

export const aPlan = (spec: PlanSpec, over: Partial<AcceptedPlan> = {}): AcceptedPlan => ({
  generation: 1,
  author: 'ana',
  workload: spec.workloadRef.name,
  targetSCC: spec.targetSCC,
  approvalRequired: spec.approval.required,
  onFailure: spec.rollback.onFailure,
  sourceGrant: spec.grants.source,
  live: { generation: 1, suspended: false, intervalMs: 0, gates: spec.gates },
  mirror: { percentage: 100, durationMs: 1, methods: 'Safe' },
  weights: spec.traffic.weights,
  readinessTimeoutMs: 1000,
  dryRun: false,
  notBeforeMs: null,
  ...over,
});

export const allowed = (
  over: Partial<MigrationOutline> = {},
  plan = aPlan(aSpec()),
): Extract<Assessment, { ok: true }> => ({
  ok: true,
  facts: { sourceSCC: 'anyuid', pods: [], services: ['ledger'] },
  plan,
  target: aTarget(over),
  governance: {
    verdict: 'allow',
    contentHash: 'h',
    violations: [],
    approvals: [],
    waitUntilMs: null,
    risk: { assessmentId: 'a', band: 'low', changeRisk: 0.1, exposure: 0, words: '' },
    checkpoint: null,
  },
  patch: 'spec: {}',
  warnings: [],
});
