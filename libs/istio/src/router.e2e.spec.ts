import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import path from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { NODE, startStack, type Stack } from '@scc/dev';
import { connectKube, type KubeClient, type KubeObject } from '@scc/kube';
import { canaryLabels } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { trafficRouterContract, type RouterWorld, type RouteShares } from '@scc/testing/routing';
import { stringify } from 'yaml';
import { istiodView } from './proxies.js';
import { IstioRouter } from './router.js';
import { NETWORKING, virtualServiceSpecSchema } from './schema.js';

const TEST_MS = 120_000;
const CLUSTER = {
  governance: false,
  worker: false,
  watcher: false,
  postgres: false,
  temporal: false,
  prometheus: false,
};
const MANAGER = 'router-contract';

let stack: Stack;
let kube: KubeClient;
let relay: ChildProcess;
let door: Server;

/** istiod listens inside the stack's network only: a socket file leads there. */
async function openDoor(): Promise<void> {
  const socket = path.join(stack.stateDir, 'istiod.sock');
  const inside = `const net = require('node:net'); net.createServer((c) => {
    const to = net.connect(8081, '127.0.0.1'); c.pipe(to).pipe(c); c.on('error', () => to.destroy()); to.on('error', () => c.destroy());
  }).listen(${JSON.stringify(socket)}, () => console.log('ready'));`;
  relay = stack.spawn(NODE, ['-e', inside], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (relay.stdout) await once(relay.stdout, 'data');
  door = createServer((client) => {
    const to = connect(socket);
    client.pipe(to).pipe(client);
    client.on('error', () => to.destroy());
    to.on('error', () => client.destroy());
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
}

beforeAll(async () => {
  stack = await startStack({ parts: CLUSTER });
  kube = await connectKube({ kubeconfig: stack.kubeconfig.outside, userAgent: MANAGER });
  await openDoor();
}, 600_000);
afterAll(async () => {
  kube.close();
  door.close();
  relay.kill();
  await stack.stop();
}, 60_000);

const MANIFESTS = (namespace: string): object[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  ...['ledger', 'ledger-canary', 'other'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
  })),
  {
    apiVersion: NETWORKING,
    kind: 'Gateway',
    metadata: { name: 'edge', namespace },
    spec: {
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 15080, name: 'http', protocol: 'HTTP' }, hosts: [`*.${namespace}.example`] }],
    },
  },
  virtualService(namespace, 'alone', [{ destination: { host: 'ledger', port: { number: 80 } } }], ['ledger']),
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

const WRITES: ReadonlySet<PropertyKey> = new Set(['apply', 'patch', 'create', 'replace', 'delete']);

/** A client whose process ends after its write number `at` was made. */
function endingAfter(at: number): KubeClient {
  let writes = 0;
  return new Proxy(kube, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      const bound = member.bind(target) as (...args: unknown[]) => unknown;
      if (!WRITES.has(key)) return bound;
      return async (...args: unknown[]) => {
        const result = await bound(...args);
        writes += 1;
        if (writes === at) throw new Error('the process ended');
        return result;
      };
    },
  });
}

let worlds = 0;

async function aWorld(): Promise<RouterWorld> {
  worlds += 1;
  const namespace = `routes-${worlds}`;
  await stack.apply(
    MANIFESTS(namespace)
      .map((object) => stringify(object))
      .join('---\n'),
  );
  const view = istiodView({ url: `http://127.0.0.1:${(door.address() as AddressInfo).port}` });
  const routerOf = (client: KubeClient): IstioRouter =>
    new IstioRouter({ kube: client, fieldManager: MANAGER, view, boundMs: 0, signal: () => undefined });
  const idOf = (name: string) => ({ apiVersion: NETWORKING, kind: 'VirtualService', namespace, name });
  const read = async (name: string): Promise<KubeObject> => {
    const object = await kube.get(idOf(name));
    if (!object) throw new Error(`${name} is gone`);
    return object;
  };
  const sharesOf = async (name: string): Promise<RouteShares> => {
    const [entry] = virtualServiceSpecSchema.parse((await read(name))['spec']).http ?? [];
    const parts = entry?.route ?? [];
    const weights = parts.map(({ weight }) => weight ?? (parts.length === 1 ? 100 : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const of = (service: string): number =>
      parts.reduce(
        (sum, { destination }, index) =>
          destination.host === service || destination.host.startsWith(`${service}.`)
            ? sum + (weights[index] ?? 0)
            : sum,
        0,
      ) / total;
    return { stable: of('ledger'), canary: of('ledger-canary'), foreign: of('other') };
  };
  const edited = (change: (entry: Record<string, unknown>) => Record<string, unknown>) => async (): Promise<void> => {
    const [entry] = virtualServiceSpecSchema.parse((await read('alone'))['spec']).http ?? [];
    const body = { spec: { http: [change(entry ?? {})] } };
    await kube.patch(idOf('alone'), { type: 'merge', body, fieldManager: 'somebody' });
  };
  const added = async (kind: string): Promise<string[]> => {
    const { items } = await kube.list({ apiVersion: NETWORKING, kind }, { namespace });
    return items.map(({ metadata }) => `${kind} ${metadata.name ?? ''}`);
  };
  const all = async (): Promise<string[]> =>
    (await Promise.all(['VirtualService', 'DestinationRule'].map(added))).flat();
  const initial = new Set(await all());
  // The first push of a namespace that is new: from here on the mesh knows the service.
  const knows = async (): Promise<boolean> => {
    const dumps = await Promise.all((await view.proxies()).map((proxy) => view.dump(proxy, 'rds')));
    return JSON.stringify(dumps).includes(`ledger.${namespace}.svc`);
  };
  await waitFor(knows, { timeoutMs: 60_000, what: `proxies that know ledger.${namespace}` });
  return {
    request: {
      namespace,
      services: [{ name: 'ledger', canary: 'ledger-canary' }],
      label: { key: 'app', stable: 'ledger', canary: 'ledger-canary' },
      markers: canaryLabels('contract'),
      podLabels: { app: 'ledger' },
    },
    router: () => routerOf(kube),
    crashing: (at) => routerOf(endingAfter(at)),
    state: async () => {
      const objects = await Promise.all(['alone', 'shared'].map(read));
      return Object.fromEntries(
        objects.map(({ metadata: { name = '', labels = {}, annotations = {} }, spec }) => [
          name,
          { spec, labels, annotations },
        ]),
      );
    },
    shares: async () => ({ alone: await sharesOf('alone'), shared: await sharesOf('shared') }),
    edit: edited((entry) => ({ ...entry, timeout: '5s' })),
    tamper: edited((entry) => ({ ...entry, route: [{ destination: { host: 'ledger', port: { number: 80 } } }] })),
    additions: async () => (await all()).filter((name) => !initial.has(name)),
  };
}

trafficRouterContract(aWorld, TEST_MS);
