import { patchBetween } from '@scc/admission/testing';
import { compileSCCs, controllerSubject, decide, defaultSCCs, type Pod, podSchema } from '@scc/scc';
import { createPatch } from 'rfc6902';
import type { Bench, BenchResult } from './types.js';

const SCCS = compileSCCs(defaultSCCs());
const NAMESPACE = {
  name: 'shop',
  annotations: { 'openshift.io/sa.scc.uid-range': '1000650000/10000', 'openshift.io/sa.scc.mcs': 's0:c26,c5' },
};
const ROUNDS = 15;

/** A pod of containers as people write them, of 1.5 KB each. */
const aPod = (containers: number): Pod =>
  podSchema.parse({
    metadata: { name: 'ledger', namespace: 'shop', labels: { app: 'ledger' } },
    spec: {
      serviceAccountName: 'ledger',
      containers: Array.from({ length: containers }, (_none, index) => ({
        name: `app-${index}`,
        image: 'registry.example.org/shop/ledger:1.4.2',
        env: Array.from({ length: 20 }, (_also, at) => ({ name: `SETTING_${at}`, value: 'some value that is set' })),
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        resources: { requests: { cpu: '50m', memory: '32Mi' } },
        securityContext: { capabilities: { drop: ['KILL'] } },
      })),
      volumes: [{ name: 'kube-api-access', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
    },
  });

/** The pod that admission makes of one. */
function admitted(pod: Pod): Pod {
  const decision = decide(
    {
      ...{ operation: 'CREATE', pod, namespace: NAMESPACE, subjects: { requester: controllerSubject('Deployment') } },
      mayUse: (_subject, scc) => scc === 'restricted-v2',
    },
    SCCS,
  );
  if (decision.decision !== 'admitted') throw new Error(`the pod was ${decision.decision}`);
  return decision.pod;
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

/** Milliseconds of each, in turns. */
function inTurns(works: readonly [() => unknown, () => unknown], repeats: number): [number, number] {
  const times: [number[], number[]] = [[], []];
  for (let round = -3; round < ROUNDS; round += 1)
    works.forEach((work, index) => {
      const start = performance.now();
      for (let time = 0; time < repeats; time += 1) work();
      if (round >= 0) times[index === 0 ? 0 : 1].push((performance.now() - start) / repeats);
    });
  return [median(times[0]), median(times[1])];
}

function beside(containers: number, repeats: number): BenchResult[] {
  const before = aPod(containers);
  const after = admitted(before);
  const [library, ours] = [() => createPatch(before, after), () => patchBetween(before, after)];
  const [value, reference] = inTurns([library, ours], repeats);
  const [many, few] = [library().length, ours().length];
  const of = `${containers} container(s)`;
  return [
    { name: 'json-patch', metric: `rfc6902, time, ${of}`, value, unit: 'ms', reference, ratio: value / reference },
    {
      ...{ name: 'json-patch', metric: `rfc6902, length, ${of}`, unit: 'operations' },
      ...{ value: many, reference: few, ratio: many / few },
    },
  ];
}

/** The patch that rfc6902 makes from a pod to what admission makes of it, with ours as the reference. */
const bench: Bench = {
  name: 'json-patch',
  run: () => Promise.resolve([...beside(1, 1000), ...beside(10, 20), ...beside(50, 1)]),
};
export default bench;
