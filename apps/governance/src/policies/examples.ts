import { type EvaluationRequest, evaluationRequestSchema } from '@scc/governance-api';
import type { CelData } from '@scc/policy';
import { defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import { policyContext } from './context.js';

const scc = (name: string): SecurityContextConstraints | null =>
  defaultSCCs().find(({ metadata }) => metadata.name === name) ?? null;

/** A migration about which nearly nothing is known: what a policy must not stumble over. */
const bare = {
  plan: { namespace: 'shop', name: 'ledger', uid: 'uid', generation: 1, author: null },
  spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' },
  facts: {
    workload: {
      kind: 'Deployment',
      name: 'ledger',
      uid: 'uid',
      labels: {},
      replicas: 0,
      serviceAccountName: 'default',
    },
    namespaceLabels: {},
    pods: [],
    sourceSCC: null,
    targetSCC: 'restricted-v2',
    podTemplate: {},
    patchedTemplate: {},
    services: [],
    dependents: null,
    requestsPerSecond: null,
    priorityClassName: null,
  },
  expectedDurationSeconds: 0,
};
const full = {
  ...bare,
  plan: { ...bare.plan, author: 'ana' },
  spec: { ...bare.spec, justification: 'the image needs another user', targetSCC: 'anyuid' },
  facts: {
    ...bare.facts,
    workload: { ...bare.facts.workload, labels: { app: 'ledger' }, replicas: 3 },
    namespaceLabels: { environment: 'production' },
    pods: [{ name: 'ledger-1', uid: 'p', scc: 'restricted-v2', node: 'node', ready: true }],
    sourceSCC: 'restricted-v2',
    targetSCC: 'anyuid',
    podTemplate: { spec: { containers: [{ name: 'app', image: 'ledger' }] } },
    patchedTemplate: { spec: { containers: [{ name: 'app', image: 'ledger' }] } },
    services: ['ledger'],
    dependents: 4,
    requestsPerSecond: 50,
    priorityClassName: 'gold',
  },
  expectedDurationSeconds: 600,
};

const contextOf = (request: EvaluationRequest): Record<string, CelData> =>
  policyContext({
    request,
    risk: {
      assessmentId: 'example',
      modelVersion: 'example',
      band: 'medium',
      raisedBy: 'changeRisk',
      changeRisk: 0.1,
      interval: [0, 1],
      exposure: 1,
      factors: [],
      cheapestChange: null,
    },
    sccs: { source: scc(request.facts.sourceSCC ?? ''), target: scc(request.facts.targetSCC) },
    history: { completed: 0, undone: 0 },
    now: new Date('2026-03-10T12:00:00Z'),
  });

/** The examples on which every policy is tried before it is stored. */
export const policyExamples = (): Record<string, CelData>[] =>
  [bare, full].map((request) => contextOf(evaluationRequestSchema.parse(request)));
