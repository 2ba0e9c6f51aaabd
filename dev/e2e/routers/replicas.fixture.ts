import type { ObjectId } from '@scc/kube';
import { canaryLabels } from '@scc/plan';
import { ReplicasRouter } from '@scc/replicas';
import type { RouterWorld, RouteShares } from '@scc/testing/routing';
import { waitFor } from '@scc/runtime';
import { stringify } from 'yaml';
import { z } from 'zod';
import { endingAfter, MANAGER, type Mesh, requestOf, stateOf } from './mesh.fixture.js';

const SLICE = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };
const PODS = 2;

const sliceSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  endpoints: z
    .array(z.looseObject({ addresses: z.array(z.string()), conditions: z.looseObject({ ready: z.boolean() }) }))
    .nullish(),
});

/** Pods that answer, and say who they are. */
export const deployment = (namespace: string, name: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas: PODS,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            name: 'app',
            image: 'scc.poc/healthy:1',
            ports: [{ name: 'http', containerPort: 8080 }],
            readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
            securityContext: { runAsUser: 1000 },
          },
        ],
      },
    },
  },
});

const service = (namespace: string, name: string, app: string, labels: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, labels, annotations: { note: 'mine' } },
  spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});

/** Two pods beside two: the shares that there are. */
const NEAREST: Record<number, number> = { 0: 0, 10: 100 / 3, 25: 100 / 3, 33: 100 / 3, 50: 50, 100: 100 };

/** Both lead to the same pods. */
const SERVED = ['ledger', 'audit'];

let worlds = 0;

/** Two plain Services of one workload, whose endpoints the real controller makes of real pods. */
export async function replicasWorld({
  stack,
  kube,
  read,
}: Pick<Mesh, 'stack' | 'kube' | 'read'>): Promise<RouterWorld> {
  worlds += 1;
  const namespace = `replicas-${worlds}`;
  const markers = canaryLabels('contract');
  await stack.apply(
    [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      ...SERVED.flatMap((name) => [
        service(namespace, name, 'ledger', { team: 'shop' }),
        service(namespace, `${name}-canary`, 'ledger-canary', markers),
      ]),
      deployment(namespace, 'ledger'),
      deployment(namespace, 'ledger-canary'),
    ]
      .map((object) => stringify(object))
      .join('---\n'),
  );
  const slicesOf = async (name: string) =>
    (await kube.list(SLICE, { namespace, labelSelector: `kubernetes.io/service-name=${name}` })).items.map((item) =>
      sliceSchema.parse(item),
    );
  const served = async (name: string): Promise<Set<string>> =>
    new Set(
      (await slicesOf(name))
        .flatMap(({ endpoints }) => endpoints ?? [])
        .filter(({ conditions }) => conditions.ready)
        .flatMap(({ addresses }) => addresses),
    );
  for (const name of SERVED.flatMap((one) => [one, `${one}-canary`]))
    await waitFor(async () => (await served(name)).size === PODS, {
      timeoutMs: 60_000,
      everyMs: 100,
      what: `endpoints of ${name}`,
    });
  const canaries = await served('ledger-canary');
  const idOf = (name: string): ObjectId => ({ apiVersion: 'v1', kind: 'Service', namespace, name });
  const lent = async (name: string) =>
    (await slicesOf(name)).filter(({ metadata }) => metadata.name.endsWith('-scc-canary'));
  const router = (client = kube): ReplicasRouter =>
    new ReplicasRouter({ kube: client, fieldManager: MANAGER, boundMs: 0, signal: () => undefined });
  const sharesOf = async (name: string): Promise<RouteShares> => {
    const all = [...(await served(name))];
    const canary = all.filter((address) => canaries.has(address)).length / all.length;
    return { stable: 1 - canary, canary, foreign: 0 };
  };
  return {
    request: {
      ...requestOf(namespace, markers),
      services: SERVED.map((name) => ({ name, canary: `${name}-canary` })),
    },
    isPrepared: true,
    verifiedBy: 'bound',
    nearest: (percent) => NEAREST[percent] ?? NaN,
    router: () => router(),
    crashing: (at) => router(endingAfter(kube, at)),
    state: async () => ({ ledger: stateOf(await read(idOf('ledger'))), audit: stateOf(await read(idOf('audit'))) }),
    shares: async () => ({ alone: await sharesOf('ledger'), second: await sharesOf('audit') }),
    edit: async () => {
      await kube.patch(idOf('ledger'), {
        type: 'merge',
        body: { metadata: { annotations: { note: 'yours' } } },
        fieldManager: 'somebody',
      });
    },
    tamper: async () => {
      for (const { metadata } of await lent('ledger')) await kube.delete({ ...SLICE, namespace, name: metadata.name });
    },
    additions: async () => [...(await lent('ledger')), ...(await lent('audit'))].map(({ metadata }) => metadata.name),
  };
}
