import { GatewayRouter } from '@scc/gateway-api';
import { isIstioController } from '@scc/istio';
import type { KubeClient } from '@scc/kube';
import { canaryLabels, MANAGED_LABEL } from '@scc/plan';
import { CompositeRouter, type TrafficRouter } from '@scc/routing';
import { waitFor } from '@scc/runtime';
import type { RouterWorld, RouteShares } from '@scc/testing/routing';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ISTIO_ALONE, ISTIO_GATEWAY, namesOf, virtualServiceOf } from './istio.fixture.js';
import { endingAfter, MANAGER, type Mesh, requestOf, SERVICES, sharesOf, stateOf } from './mesh.fixture.js';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const GRANTS = 'gateway.networking.k8s.io/v1beta1';

const ruleSchema = z.looseObject({
  matches: z.array(z.looseObject({ headers: z.array(z.looseObject({ name: z.string() })).default([]) })).default([]),
  backendRefs: z.array(z.looseObject({ name: z.string(), weight: z.int().default(1) })),
});
const routeSchema = z.looseObject({
  metadata: z.looseObject({ generation: z.int() }),
  spec: z.looseObject({ rules: z.array(ruleSchema) }),
  status: z
    .looseObject({
      parents: z.array(
        z.looseObject({ conditions: z.array(z.looseObject({ type: z.string(), observedGeneration: z.int() })) }),
      ),
    })
    .prefault({ parents: [] }),
});

interface Written {
  kind: string;
  namespace: string;
  name: string;
  host: string;
  backends: object[];
  /** The Service to which the route is attached within the mesh. */
  inMesh?: string;
}

export const gatewayRoute = ({ kind, namespace, name, host, backends, inMesh }: Written): object => ({
  apiVersion: GATEWAY_API,
  kind,
  metadata: { name, namespace, labels: { team: 'shop' }, annotations: { note: 'mine' } },
  spec: {
    parentRefs: [
      { name: 'edge', namespace: 'istio-ingress' },
      ...(inMesh === undefined ? [] : [{ group: '', kind: 'Service', name: inMesh, port: 80 }]),
    ],
    hostnames: [host],
    rules: [
      {
        filters: [
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-route', value: name }] } },
        ],
        backendRefs: backends,
      },
    ],
  },
});

export const gatewayRouter = (mesh: Mesh, kube: KubeClient): GatewayRouter =>
  new GatewayRouter({
    kube,
    fieldManager: MANAGER,
    proof: { isFor: isIstioController, of: mesh.istio(kube).proof },
    boundMs: 0,
    signal: () => undefined,
  });

/** The contract's questions to one route of the Gateway API. */
export function gatewayRouteOf({ kube, read }: Mesh, at: { kind: string; namespace: string; name: string }) {
  const id = { apiVersion: GATEWAY_API, ...at };
  /** The rule that requests meet which have nothing, or a header; that of all where none is for the header. */
  const ruleOf = async (header?: string) => {
    const { rules } = routeSchema.parse(await read(id)).spec;
    const asks = ({ matches }: (typeof rules)[number]) => matches.flatMap(({ headers }) => headers);
    const rule =
      rules.find((one) => asks(one).some(({ name }) => name === header)) ?? rules.find((one) => asks(one).length === 0);
    if (!rule) throw new Error(`${id.name} has no rule`);
    return rule;
  };
  const edited = (change: (rule: Record<string, unknown>) => Record<string, unknown>) => async (): Promise<void> => {
    const body = { spec: { rules: [change(await ruleOf())] } };
    await kube.patch(id, { type: 'merge', body, fieldManager: 'somebody' });
  };
  return {
    state: async () => stateOf(await read(id)),
    shares: async (header?: string): Promise<RouteShares> =>
      sharesOf((await ruleOf(header)).backendRefs.map(({ name, weight }) => ({ service: name, weight }))),
    edit: edited((rule) => ({ ...rule, timeouts: { request: '5s' } })),
    tamper: edited((rule) => ({ ...rule, backendRefs: [{ name: 'ledger', port: 80 }] })),
    accepted: async (): Promise<void> => {
      const isAccepted = async (): Promise<boolean> => {
        const { metadata, status } = routeSchema.parse(await read(id));
        return status.parents.some(({ conditions }) =>
          conditions.some(
            ({ type, observedGeneration }) => type === 'Accepted' && observedGeneration === metadata.generation,
          ),
        );
      };
      await waitFor(isAccepted, { timeoutMs: 60_000, what: `${id.kind} ${id.name} to be accepted` });
    },
  };
}

let worlds = 0;

async function applied(mesh: Mesh, objects: object[]): Promise<void> {
  await mesh.stack.apply(objects.map((object) => stringify(object)).join('---\n'));
}

/**
 * An HTTPRoute in the namespace of the Services, and a route that divides with another Service in a namespace of its
 * own, which a grant lets name the Services by their names.
 */
export async function gatewayWorld(mesh: Mesh, kind: 'HTTPRoute' | 'GRPCRoute'): Promise<RouterWorld> {
  worlds += 1;
  const namespace = `gateway-${worlds}`;
  const away = `${namespace}-edge`;
  const to = (name: string) => ({ group: '', kind: 'Service', name });
  await applied(mesh, [
    ...SERVICES(namespace),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: away, labels: { [MANAGED_LABEL]: 'true' } } },
    {
      apiVersion: GRANTS,
      kind: 'ReferenceGrant',
      metadata: { name: 'edge', namespace },
      spec: { from: [{ group: 'gateway.networking.k8s.io', kind, namespace: away }], to: [to('ledger'), to('other')] },
    },
    gatewayRoute({
      kind: 'HTTPRoute',
      namespace,
      name: 'alone',
      host: `alone.${namespace}.example`,
      backends: [{ name: 'ledger', port: 80 }],
      inMesh: 'ledger',
    }),
    gatewayRoute({
      kind,
      namespace: away,
      name: 'shared',
      host: `shared.${namespace}.example`,
      backends: [
        { name: 'ledger', namespace, port: 80, weight: 8 },
        { name: 'other', namespace, port: 80, weight: 2 },
      ],
    }),
  ]);
  const { kube } = mesh;
  const all = async (): Promise<string[]> => [
    ...(await namesOf(kube, namespace, [
      [GATEWAY_API, 'HTTPRoute'],
      [GRANTS, 'ReferenceGrant'],
    ])),
    ...(await namesOf(kube, away, [[GATEWAY_API, kind]])),
  ];
  const initial = new Set(await all());
  const alone = gatewayRouteOf(mesh, { kind: 'HTTPRoute', namespace, name: 'alone' });
  const shared = gatewayRouteOf(mesh, { kind, namespace: away, name: 'shared' });
  await Promise.all([alone.accepted(), shared.accepted(), mesh.known('ledger', namespace)]);
  return {
    request: requestOf(namespace, canaryLabels('contract')),
    verifiedBy: 'proxies',
    router: (): TrafficRouter => gatewayRouter(mesh, kube),
    crashing: (at) => gatewayRouter(mesh, endingAfter(kube, at)),
    state: async () => ({ alone: await alone.state(), shared: await shared.state() }),
    shares: async () => ({ alone: await alone.shares(), shared: await shared.shares() }),
    sharesOfTesters: async () => [await alone.shares('x-tester'), await shared.shares('x-tester')],
    ...(kind === 'HTTPRoute'
      ? { sharesOfReturning: async () => [await alone.shares('cookie'), await shared.shares('cookie')] }
      : {}),
    edit: alone.edit,
    tamper: alone.tamper,
    additions: async () => (await all()).filter((name) => !initial.has(name)),
  };
}

/** Routes of the Gateway API and VirtualServices together, as the worker has them. */
export const compositeRouter = (mesh: Mesh, client: KubeClient): TrafficRouter =>
  new CompositeRouter(
    [
      { name: 'gateway-api', router: gatewayRouter(mesh, client) },
      { name: 'istio', router: mesh.istio(client) },
    ],
    'istio',
  );

/** A VirtualService and an HTTPRoute of one workload, each by the router of its kind. */
export async function mixedWorld(mesh: Mesh): Promise<RouterWorld> {
  worlds += 1;
  const namespace = `mixed-${worlds}`;
  await applied(mesh, [
    ...SERVICES(namespace),
    ISTIO_GATEWAY(namespace),
    ISTIO_ALONE(namespace),
    gatewayRoute({
      kind: 'HTTPRoute',
      namespace,
      name: 'shared',
      host: `shared.${namespace}.example`,
      backends: [
        { name: 'ledger', port: 80, weight: 8 },
        { name: 'other', port: 80, weight: 2 },
      ],
    }),
  ]);
  const { kube } = mesh;
  const all = () =>
    namesOf(kube, namespace, [
      [GATEWAY_API, 'HTTPRoute'],
      ['networking.istio.io/v1', 'VirtualService'],
      ['networking.istio.io/v1', 'DestinationRule'],
    ]);
  const initial = new Set(await all());
  const alone = virtualServiceOf(mesh, namespace);
  const shared = gatewayRouteOf(mesh, { kind: 'HTTPRoute', namespace, name: 'shared' });
  await Promise.all([shared.accepted(), mesh.known('ledger', namespace)]);
  return {
    request: requestOf(namespace, canaryLabels('contract')),
    verifiedBy: 'proxies',
    router: () => compositeRouter(mesh, kube),
    crashing: (at) => compositeRouter(mesh, endingAfter(kube, at)),
    state: async () => ({ alone: await alone.state('alone'), shared: await shared.state() }),
    shares: async () => ({ alone: await alone.shares('alone'), shared: await shared.shares() }),
    sharesOfTesters: async () => [await alone.shares('alone', 'x-tester'), await shared.shares('x-tester')],
    sharesOfReturning: async () => [await alone.shares('alone', 'cookie'), await shared.shares('cookie')],
    edit: alone.edit,
    tamper: alone.tamper,
    additions: async () => (await all()).filter((name) => !initial.has(name)),
  };
}
