import { compilePolicy, POLICY_INPUTS } from '@scc/policy';
import { evaluationRequestSchema } from '@scc/governance-api';
import { defaultSCCs } from '@scc/scc';
import { type BoundPolicy, defaultBindings, defaultPolicies, policyContext, verdictsOf } from '@scc/governance/testing';
import type { Bench, BenchResult } from './types.js';

const DECISIONS = 5_000;
const WARM_UP = 500;

function boundPolicies(): BoundPolicy[] {
  return defaultBindings().flatMap((binding) => {
    const document = defaultPolicies().find(({ name }) => name === binding.policy);
    const compilation = document && compilePolicy(document, POLICY_INPUTS);
    return compilation?.ok ? [{ binding, policy: compilation.policy }] : [];
  });
}

/** A workload of 100 pods with a template of ten containers, as a large plan would bring. */
function aQuestion(number: number) {
  const names = ['anyuid', 'restricted-v2', 'nonroot-v2', 'privileged'];
  const targetSCC = names[number % names.length] ?? 'restricted-v2';
  const template = {
    metadata: { labels: { app: 'ledger' } },
    spec: { containers: Array.from({ length: 10 }, (_none, at) => ({ name: `c-${at}`, image: 'ledger:1', env: [] })) },
  };
  return {
    request: evaluationRequestSchema.parse({
      plan: { namespace: 'shop', name: 'ledger', uid: String(number), generation: 1, author: 'ana' },
      spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC, justification: 'measured, not meant' },
      facts: {
        workload: { kind: 'Deployment', name: 'ledger', uid: 'w', labels: {}, replicas: 100, serviceAccountName: 'sa' },
        namespaceLabels: { environment: 'production' },
        pods: Array.from({ length: 100 }, (_none, at) => ({
          name: `ledger-${at}`,
          uid: `${number}-${at}`,
          scc: 'restricted-v2',
          node: 'node',
          ready: true,
        })),
        sourceSCC: 'restricted-v2',
        targetSCC,
        podTemplate: template,
        patchedTemplate: template,
        services: ['ledger'],
        dependents: number % 40,
        requestsPerSecond: 150,
        priorityClassName: null,
      },
      expectedDurationSeconds: 600,
    }),
    risk: {
      assessmentId: 'bench',
      modelVersion: 'bench',
      band: 'high' as const,
      raisedBy: 'both' as const,
      changeRisk: 0.4,
      interval: [0.1, 0.7] as [number, number],
      exposure: 0.5,
      factors: [],
      cheapestChange: null,
    },
    sccs: {
      source: defaultSCCs().find(({ metadata }) => metadata.name === 'restricted-v2') ?? null,
      target: defaultSCCs().find(({ metadata }) => metadata.name === targetSCC) ?? null,
    },
    history: { completed: 3, undone: 1 },
    now: new Date('2026-03-10T12:00:00Z'),
  };
}

function run(): BenchResult[] {
  const bound = boundPolicies();
  const questions = Array.from({ length: 100 }, (_none, number) => aQuestion(number));
  const times: number[] = [];
  for (let number = -WARM_UP; number < DECISIONS; number += 1) {
    const question = questions[Math.abs(number) % questions.length];
    if (!question) continue;
    const start = process.hrtime.bigint();
    verdictsOf(bound, policyContext(question), new Set());
    if (number >= 0) times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  const figure = (metric: string, share: number): BenchResult => ({
    name: 'policy-decision',
    metric,
    value: times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0,
    unit: 'us',
  });
  return [figure('p50', 0.5), figure('p99', 0.99)];
}

/** One decision: the context of a plan built, and all default policies evaluated on it. */
const bench: Bench = { name: 'policy', run: () => Promise.resolve(run()) };
export default bench;
