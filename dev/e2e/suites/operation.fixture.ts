import { beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { type Stack } from '../../src/index.js';
import { refusalOf, untilPodsMayRun } from '../../src/webhook.fixture.js';

let stack: Stack;

const PODS = '/api/v1/namespaces/scc-system/pods';
const REPLICAS = [
  ['one', 'healthy'],
  ['two', 'healthy'],
  ['sick', 'never-ready'],
] as const;
/** A pod that stands for a replica: what matters are its label and the name of its port. */
const replica = (name: string, image: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'scc-system', labels: { 'app.kubernetes.io/name': 'scc-governance' } },
  spec: {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'governance',
        image: `scc.poc/${image}:nonroot`,
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        ports: [{ name: 'webhook', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/readyz', port: 'webhook' }, periodSeconds: 1 },
      },
    ],
  },
});

const sliceSchema = z.looseObject({
  ports: z.array(z.looseObject({ port: z.int() })).nullish(),
  endpoints: z
    .array(
      z.looseObject({
        conditions: z.looseObject({ ready: z.boolean() }),
        targetRef: z.looseObject({ name: z.string() }),
      }),
    )
    .nullish(),
});
async function readyReplicas(): Promise<string[]> {
  const url = '/apis/discovery.k8s.io/v1/namespaces/scc-system/endpointslices';
  const { items } = await stack.api.list(`${url}?labelSelector=kubernetes.io/service-name%3Dgovernance-webhook`);
  const slices = z.array(sliceSchema).parse(items);
  return slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions.ready)
    .map(({ targetRef }) => targetRef.name)
    .sort();
}

const evict = (name: string): Promise<string | undefined> =>
  refusalOf(
    stack.api.create(`${PODS}/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace: 'scc-system' },
    }),
  );

export function operation(stackOf: () => Stack): void {
  beforeAll(async () => {
    stack = stackOf();
    await untilPodsMayRun(stack, 'scc-system');
    for (const [name, image] of REPLICAS) await stack.api.create(PODS, replica(name, image));
  }, 120_000);

  describe('the manifests of the webhook', () => {
    it('lead to replicas that are ready, and to no other', async () => {
      await waitFor(async () => (await readyReplicas()).length === 2, { timeoutMs: 30_000, what: 'two endpoints' });
      expect(await readyReplicas()).toEqual(['one', 'two']);
    }, 60_000);

    it('keep one replica while nodes are drained, and do not wait for one that is not ready', async () => {
      const budget = z.looseObject({ status: z.looseObject({ currentHealthy: z.int() }) });
      const url = '/apis/policy/v1/namespaces/scc-system/poddisruptionbudgets/governance-webhook';
      const healthy = async (): Promise<number> => budget.parse(await stack.api.get(url)).status.currentHealthy;
      await waitFor(async () => (await healthy()) === 2, { timeoutMs: 30_000, what: 'two healthy replicas' });
      expect(await evict('one')).toBeUndefined();
      await waitFor(async () => (await healthy()) === 1, { timeoutMs: 30_000, what: 'one healthy replica' });
      expect(await evict('two')).toMatch(/ 429 .*disruption budget/);
      expect(await evict('sick')).toBeUndefined();
    }, 90_000);

    it('limit who talks to whom, in terms that the API server takes', async () => {
      await stack.apply('deploy/kustomize/kubernetes/network.yaml');
      const { items } = await stack.api.list('/apis/networking.k8s.io/v1/namespaces/scc-system/networkpolicies');
      const policies = z
        .array(z.looseObject({ metadata: z.looseObject({ name: z.string() }), spec: z.looseObject({}) }))
        .parse(items);
      const of = (name: string) => policies.find(({ metadata }) => metadata.name === name)?.spec;
      expect(policies).toHaveLength(8);
      expect(of('scc-nothing-else')).toMatchObject({ policyTypes: ['Ingress', 'Egress'] });
      // An empty list of peers would be everybody.
      for (const { spec } of policies)
        for (const { from } of z
          .object({ ingress: z.array(z.looseObject({ from: z.unknown() })).default([]) })
          .parse(spec).ingress)
          expect(from).not.toEqual([]);
      expect(of('scc-webhook-from-api-server')).toMatchObject({
        podSelector: { matchLabels: { 'app.kubernetes.io/name': 'scc-governance' } },
        ingress: [{ ports: [{ port: 'webhook' }] }],
      });
      expect(of('scc-checks-from-api-server')).toMatchObject({
        podSelector: { matchLabels: { 'app.kubernetes.io/name': 'scc-worker' } },
        ingress: [{ ports: [{ port: 'health' }] }],
      });
    });
  });
}
