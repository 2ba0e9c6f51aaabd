import type { KubeClient } from '@scc/kube';
import { canaryLabels } from '@scc/plan';
import type { TrafficRouter } from '@scc/routing';
import type { RouterWorld, RouteShares } from '@scc/testing/routing';
import { stringify } from 'yaml';
import { z } from 'zod';
import { endingAfter, type Mesh, requestOf, SERVICES, sharesOf, stateOf } from './mesh.fixture.js';

const NETWORKING = 'networking.istio.io/v1';

const entrySchema = z.looseObject({
  match: z.array(z.looseObject({ headers: z.looseObject({}).optional() })).optional(),
  route: z.array(z.looseObject({ destination: z.looseObject({ host: z.string() }), weight: z.int().optional() })),
});
const specSchema = z.looseObject({ http: z.array(entrySchema) });

function virtualService(namespace: string, name: string, route: object[], hosts: string[]): object {
  return {
    apiVersion: NETWORKING,
    kind: 'VirtualService',
    metadata: { name, namespace, labels: { team: 'shop' }, annotations: { note: 'mine' } },
    spec: {
      hosts: [`${name}.${namespace}.example`, ...hosts],
      gateways: ['edge', ...(hosts.length > 0 ? ['mesh'] : [])],
      http: [{ name: 'all', route, retries: { attempts: 1 } }],
    },
  };
}

export const ISTIO_GATEWAY = (namespace: string): object => ({
  apiVersion: NETWORKING,
  kind: 'Gateway',
  metadata: { name: 'edge', namespace },
  spec: {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 15080, name: 'http', protocol: 'HTTP' }, hosts: [`*.${namespace}.example`] }],
  },
});

export const ISTIO_ALONE = (namespace: string): object =>
  virtualService(namespace, 'alone', [{ destination: { host: 'ledger', port: { number: 80 } } }], ['ledger']);

const MANIFESTS = (namespace: string): object[] => [
  ...SERVICES(namespace),
  ISTIO_GATEWAY(namespace),
  ISTIO_ALONE(namespace),
  virtualService(
    namespace,
    'shared',
    [
      { destination: { host: `ledger.${namespace}.svc.cluster.local`, port: { number: 80 } }, weight: 80 },
      { destination: { host: 'other', port: { number: 80 } }, weight: 20 },
    ],
    [],
  ),
  {
    apiVersion: NETWORKING,
    kind: 'DestinationRule',
    metadata: { name: 'ledger', namespace },
    spec: { host: 'ledger', trafficPolicy: { connectionPool: { tcp: { maxConnections: 100 } } } },
  },
];

/** The contract's questions to one VirtualService. */
export function virtualServiceOf({ kube, read }: Mesh, namespace: string) {
  const idOf = (name: string) => ({ apiVersion: NETWORKING, kind: 'VirtualService', namespace, name });
  /** The route that requests meet which have nothing, or a header; that of all where none is for the header. */
  const entryOf = async (name: string, header?: string) => {
    const entries = specSchema.parse((await read(idOf(name)))['spec']).http;
    const asks = ({ match = [] }: (typeof entries)[number]) =>
      match.flatMap(({ headers = {} }) => Object.keys(headers));
    const entry =
      entries.find((one) => header !== undefined && asks(one).includes(header)) ??
      entries.find((one) => asks(one).length === 0);
    if (!entry) throw new Error(`${name} has no route`);
    return entry;
  };
  const edited = (change: (entry: Record<string, unknown>) => Record<string, unknown>) => async (): Promise<void> => {
    const body = { spec: { http: [change(await entryOf('alone'))] } };
    await kube.patch(idOf('alone'), { type: 'merge', body, fieldManager: 'somebody' });
  };
  return {
    state: async (name: string) => stateOf(await read(idOf(name))),
    shares: async (name: string, header?: string): Promise<RouteShares> => {
      const { route } = await entryOf(name, header);
      return sharesOf(
        route.map(({ destination, weight }) => ({
          service: destination.host.split('.')[0] ?? '',
          weight: weight ?? (route.length === 1 ? 100 : 0),
        })),
      );
    },
    edit: edited((entry) => ({ ...entry, timeout: '5s' })),
    tamper: edited((entry) => ({ ...entry, route: [{ destination: { host: 'ledger', port: { number: 80 } } }] })),
  };
}

/** Names of the objects of some kinds in a namespace. */
export async function namesOf(kube: KubeClient, namespace: string, kinds: readonly [string, string][]) {
  const lists = await Promise.all(
    kinds.map(async ([apiVersion, kind]) => {
      const { items } = await kube.list({ apiVersion, kind }, { namespace });
      return items.map(({ metadata }) => `${kind} ${metadata.name ?? ''}`);
    }),
  );
  return lists.flat();
}

let worlds = 0;

/** Two VirtualServices, at a gateway and in the mesh. */
export async function istioWorld(mesh: Mesh): Promise<RouterWorld> {
  worlds += 1;
  const namespace = `routes-${worlds}`;
  await mesh.stack.apply(
    MANIFESTS(namespace)
      .map((object) => stringify(object))
      .join('---\n'),
  );
  const { kube } = mesh;
  const all = () =>
    namesOf(kube, namespace, [
      [NETWORKING, 'VirtualService'],
      [NETWORKING, 'DestinationRule'],
    ]);
  const initial = new Set(await all());
  const { state, shares, edit, tamper } = virtualServiceOf(mesh, namespace);
  // The first push of a namespace that is new: from here on the mesh knows the service.
  await mesh.known('ledger', namespace);
  return {
    request: requestOf(namespace, canaryLabels('contract')),
    verifiedBy: 'proxies',
    router: (): TrafficRouter => mesh.istio(kube),
    crashing: (at) => mesh.istio(endingAfter(kube, at)),
    state: async () => ({ alone: await state('alone'), shared: await state('shared') }),
    shares: async () => ({ alone: await shares('alone'), shared: await shares('shared') }),
    sharesOfTesters: async () => [await shares('alone', 'x-tester'), await shares('shared', 'x-tester')],
    sharesOfReturning: async () => [await shares('alone', 'cookie'), await shares('shared', 'cookie')],
    edit,
    tamper,
    additions: async () => (await all()).filter((name) => !initial.has(name)),
  };
}
