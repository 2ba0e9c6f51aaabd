import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { compilePolicy, POLICY_MODULE, type PolicyFunctions, policyDocumentSchema } from '@scc/policy';
import { DeadlineThreads } from '@scc/runtime';
import {
  compileSCCs,
  controllerSubject,
  decide,
  defaultSCCs,
  podFromTemplate,
  type PodTemplate,
  remediate,
} from '@scc/scc';
import { z } from 'zod';
import type { Bench, BenchResult } from './types.js';

const SCCS = compileSCCs(defaultSCCs());
const NAMESPACE = {
  name: 'shop',
  annotations: { 'openshift.io/sa.scc.uid-range': '1000650000/10000', 'openshift.io/sa.scc.mcs': 's0:c26,c5' },
};
const ROUNDS = 9;

/** Host ports, which OpenShift repeats for each container, beside what takes several edits each. */
const template = (count: number): PodTemplate => ({
  spec: {
    containers: Array.from({ length: count }, (_none, at) => ({
      name: `c${at}`,
      ports: [{ containerPort: 80, hostPort: 8000 + at }],
      securityContext: { runAsUser: 0, privileged: true, capabilities: { add: ['NET_ADMIN', 'SYS_TIME'] } },
    })),
  },
});

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

/** Milliseconds of both in turns. */
function inTurns(small: () => unknown, large: () => unknown): [number, number] {
  const times: [number[], number[]] = [[], []];
  for (let round = -2; round < ROUNDS; round += 1)
    for (const [index, work] of [small, large].entries()) {
      const start = performance.now();
      work();
      if (round >= 0) times[index === 0 ? 0 : 1].push(performance.now() - start);
    }
  return [median(times[0]), median(times[1])];
}

const origin = { namespace: 'shop', name: 'web', kind: 'Deployment' } as const;
const review = (count: number) => {
  const pod = podFromTemplate(template(count), origin);
  const requester = controllerSubject('Deployment');
  return () =>
    decide(
      {
        ...{ operation: 'CREATE', pod, namespace: NAMESPACE, subjects: { requester } },
        mayUse: (_subject, scc) => scc !== 'privileged',
      },
      SCCS,
    );
};
const restricted = SCCS.byName.get('restricted-v2');
const patch = (count: number) => () =>
  restricted && remediate(template(count), restricted, { ...origin, namespace: NAMESPACE, sccs: SCCS });

function growth(name: string, work: (count: number) => () => unknown, [few, many]: [number, number]): BenchResult {
  const [small, large] = inTurns(work(few), work(many));
  const [value, reference] = [large / many, small / few];
  return {
    name,
    metric: `${many} over ${few} containers`,
    value,
    unit: 'ms each',
    reference,
    ratio: value / reference,
  };
}

const document = (when: string) =>
  policyDocumentSchema.parse({
    name: 'measured',
    parameters: {
      item: { type: 'strings', default: Array.from({ length: 100 }, (_none, at) => String(at)) },
      text: { type: 'string', default: 'a'.repeat(1000) },
    },
    rules: [{ name: 'rule', when, verdict: 'deny', message: 'm', remedy: 'r' }],
  });
const text = Array.from({ length: 40 }, () => 'params.text').join(' + ');
const SLOW = document(`!params.item.all(p, params.item.all(q, !(${text}).contains(p + "b")))`);
const QUICK = document('size(params.text) > 5000');

/** A review of a pod on the API's own thread, alone and while threads evaluate an expression of minutes. */
async function besideAnExpression(): Promise<BenchResult> {
  if (!compilePolicy(SLOW, []).ok || !compilePolicy(QUICK, []).ok) throw new Error('the policies do not compile');
  const threads = new DeadlineThreads<PolicyFunctions>({ name: 'bench', module: POLICY_MODULE, deadlineMs: 60_000 });
  const one = review(10);
  const measured = (): number => inTurns(one, one)[0];
  const alone = measured();
  const asked = [{ document: SLOW, parameters: {} }];
  const running = threads.call('evaluateEach', asked, [], {}).catch(() => undefined);
  const beside = measured();
  await threads.close();
  await running;
  return {
    name: 'bounded-review',
    metric: 'beside a slow expression',
    value: beside,
    unit: 'ms',
    reference: alone,
    ratio: beside / alone,
  };
}

const collectorSchema = z.custom<() => void>((value) => typeof value === 'function');

/** The heap after a full collection, before and after a hundred reviews of a pod of 400 containers. */
function heap(): BenchResult[] {
  setFlagsFromString('--expose-gc');
  const collect = collectorSchema.parse(runInNewContext('gc'));
  const held = (): number => {
    collect();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const attack = review(400);
  attack();
  const reference = held();
  for (let round = 0; round < 100; round += 1) attack();
  const value = held();
  return [
    { name: 'bounded-heap', metric: 'after 100 reviews', value, unit: 'MiB', reference, ratio: value / reference },
  ];
}

/** Work for what a user may send, as ratios to less of it. */
const bench: Bench = {
  name: 'bounded',
  run: async () => [
    growth('bounded-decision', review, [100, 800]),
    growth('bounded-remediation', patch, [10, 100]),
    growth('bounded-remediation', patch, [10, 250]),
    await besideAnExpression(),
    ...heap(),
  ],
};
export default bench;
