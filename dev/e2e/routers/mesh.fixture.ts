import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { istiodView, IstioRouter } from '@scc/istio';
import { addressesOf, connectKube, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import { waitFor } from '@scc/runtime';
import { NODE, startStack, type Stack } from '@scc/dev';

export const MANAGER = 'router-contract';
export const ONLY_THE_MESH = {
  governance: false,
  worker: false,
  watcher: false,
  postgres: false,
  temporal: false,
  prometheus: false,
};

type View = ReturnType<typeof istiodView>;

/** A real API server, istiod and proxies, without the product. */
export interface Mesh {
  stack: Stack;
  kube: KubeClient;
  view: View;
  /** Where istiod serves its debug endpoints. */
  istiod: string;
  /** A router of the mesh that writes through this client. */
  istio: (client: KubeClient) => IstioRouter;
  read: (id: ObjectId) => Promise<KubeObject>;
  /** Waits until a proxy's routes name a Service. */
  known: (service: string, namespace: string) => Promise<void>;
  /** How many ready endpoints a Service has. */
  ready: (service: string, namespace: string) => Promise<number>;
  stop: () => Promise<void>;
}

/** Where istiod serves its debug endpoints. */
const ISTIOD_PORT = 8081;

/** A port inside the stack's network, at an address of this machine: a socket file leads there. */
export async function openDoor(stack: Stack, port: number) {
  const socket = path.join(stack.stateDir, `door-${port}.sock`);
  const inside = `const net = require('node:net'); net.createServer((c) => {
    const to = net.connect(${port}, '127.0.0.1'); c.pipe(to).pipe(c); c.on('error', () => to.destroy()); to.on('error', () => c.destroy());
  }).listen(${JSON.stringify(socket)}, () => console.log('ready'));`;
  const relay = stack.spawn(NODE, ['-e', inside], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (relay.stdout) await once(relay.stdout, 'data');
  const door = createServer((client) => {
    const to = connect(socket);
    client.pipe(to).pipe(client);
    client.on('error', () => to.destroy());
    to.on('error', () => client.destroy());
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
  const close = (): void => {
    door.close();
    relay.kill();
  };
  return { url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`, close };
}

/** Reads what must be there. */
export const readerOf =
  (kube: KubeClient): Mesh['read'] =>
  async (id) => {
    const object = await kube.get(id);
    if (!object) throw new Error(`${id.kind} ${id.name} is gone`);
    return object;
  };

export async function startMesh(): Promise<Mesh> {
  const stack = await startStack({ parts: ONLY_THE_MESH });
  const kube = await connectKube({ kubeconfig: stack.kubeconfig.outside, userAgent: MANAGER });
  const door = await openDoor(stack, ISTIOD_PORT);
  const istiod = door.url;
  const view = istiodView({ url: istiod });
  return {
    ...{ stack, kube, view, istiod },
    istio: (client) =>
      new IstioRouter({ kube: client, fieldManager: MANAGER, view, boundMs: 0, signal: () => undefined }),
    read: readerOf(kube),
    known: async (service, namespace) => {
      const knows = async (): Promise<boolean> => {
        const dumps = await Promise.all((await view.proxies()).map((proxy) => view.dump(proxy, 'rds')));
        return JSON.stringify(dumps).includes(`${service}.${namespace}.svc`);
      };
      await waitFor(knows, { timeoutMs: 60_000, what: `proxies that know ${service}.${namespace}` });
    },
    ready: async (service, namespace) => (await addressesOf(kube, namespace, service)).ready.size,
    stop: async () => {
      kube.close();
      door.close();
      await stack.stop();
    },
  };
}

const WRITES: ReadonlySet<PropertyKey> = new Set(['apply', 'patch', 'create', 'replace', 'delete']);

/** A client whose process ends after its write number `at` was made. */
export function endingAfter(kube: KubeClient, at: number): KubeClient {
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

/** The part of an object that a user can set. */
export const stateOf = ({ metadata: { labels = {}, annotations = {} }, spec }: KubeObject & { spec?: unknown }) => ({
  spec,
  labels,
  annotations,
});

export const SERVICES = (namespace: string, targetPort?: string): object[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  ...['ledger', 'ledger-canary', 'other'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, ...(targetPort ? { targetPort } : {}) }] },
  })),
];

/** How weights are shared between the workload, its canary and others. */
export function sharesOf(destinations: readonly { service: string; weight: number }[]) {
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const of = (wanted: string): number =>
    destinations.filter(({ service }) => service === wanted).reduce((sum, { weight }) => sum + weight, 0) / total;
  return { stable: of('ledger'), canary: of('ledger-canary'), foreign: of('other') };
}

export const requestOf = (namespace: string, markers: Record<string, string>) => ({
  namespace,
  services: [{ name: 'ledger', canary: 'ledger-canary' }],
  label: { key: 'app', stable: 'ledger', canary: 'ledger-canary' },
  markers,
  podLabels: { app: 'ledger' },
});
