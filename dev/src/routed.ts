import { PLAN_GROUP } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { stringify } from 'yaml';
import type { ClusterApi } from './cluster/api.js';
import { hasHaproxy } from './haproxy/find.js';
import type { LoadOptions } from './load/protocol.js';
import { waitForAnswers, waitForDeployments } from './samples.js';

/** Whose way leads to a workload: a VirtualService, an HTTPRoute, a Route of OpenShift, or nothing but its Service. */
const ROUTERS = ['istio', 'gateway-api', 'route', 'replicas'] as const;
type RouterName = (typeof ROUTERS)[number];

/** Those that can be tried on this machine: Routes need its HAProxy. */
export const routersHere = (): RouterName[] => ROUTERS.filter((router) => router !== 'route' || hasHaproxy());

/** A workload that requests reach by the way of one router. */
export interface Routed {
  name: string;
  router: RouterName;
  /** Its Service's address, at which callers reach it where there is nothing else. No two workloads have the same. */
  address: string;
  /** The behaviour of its pods; without one they are healthy. */
  behaviour?: string;
}

const NAMESPACE = 'shop';
const ROUTED_REPLICAS = 3;

const hostOf = ({ name }: Routed): string => `${name}.shop.example`;
const isPlain = ({ router }: Routed): boolean => router === 'replicas';

const pods = ({ name, behaviour = 'healthy' }: Routed): object[] => [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: NAMESPACE } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${name}-anyuid`, namespace: NAMESPACE },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:openshift:scc:anyuid' },
    subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }],
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      replicas: ROUTED_REPLICAS,
      selector: { matchLabels: { app: name } },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          serviceAccountName: name,
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: 'app',
              image: `${PLAN_GROUP}/${behaviour}:1`,
              ports: [{ name: 'http', containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
              resources: { requests: { cpu: '10m', memory: '8Mi' } },
            },
          ],
        },
      },
    },
  },
];

/** No proxy of the mesh knows a plain one. */
const service = (workload: Routed): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: workload.name,
    namespace: NAMESPACE,
    ...(isPlain(workload) ? { annotations: { 'networking.istio.io/exportTo': '~' } } : {}),
  },
  spec: {
    clusterIP: workload.address,
    selector: { app: workload.name },
    ports: [{ name: 'http', port: 80, targetPort: 'http' }],
  },
});

interface Way {
  via: 'ingress' | 'router' | 'service';
  /** Its routes, and where they are listed. */
  routed: { collection: string; route: (workload: Routed) => object } | null;
}

const listed = (groupVersion: string, plural: string): string =>
  `/apis/${groupVersion}/namespaces/${NAMESPACE}/${plural}`;

const WAYS: Readonly<Record<RouterName, Way>> = {
  istio: {
    via: 'ingress',
    routed: {
      collection: listed('networking.istio.io/v1', 'virtualservices'),
      route: (workload) => ({
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: { name: workload.name, namespace: NAMESPACE },
        spec: {
          hosts: [hostOf(workload)],
          gateways: ['shop/shop'],
          http: [{ retries: { attempts: 0 }, route: [{ destination: { host: workload.name, port: { number: 80 } } }] }],
        },
      }),
    },
  },
  'gateway-api': {
    via: 'ingress',
    routed: {
      collection: listed('gateway.networking.k8s.io/v1', 'httproutes'),
      route: (workload) => ({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: workload.name, namespace: NAMESPACE },
        spec: {
          parentRefs: [{ name: 'edge', namespace: 'istio-ingress' }],
          hostnames: [hostOf(workload)],
          rules: [{ backendRefs: [{ name: workload.name, port: 80 }] }],
        },
      }),
    },
  },
  route: {
    via: 'router',
    routed: {
      collection: listed('route.openshift.io/v1', 'routes'),
      route: (workload) => ({
        apiVersion: 'route.openshift.io/v1',
        kind: 'Route',
        metadata: {
          name: workload.name,
          namespace: NAMESPACE,
          annotations: { 'haproxy.router.openshift.io/disable_cookies': 'true' },
        },
        spec: {
          host: hostOf(workload),
          to: { kind: 'Service', name: workload.name },
          port: { targetPort: 'http' },
        },
      }),
    },
  },
  replicas: { via: 'service', routed: null },
};

/** The paths of the objects that a migration has to give back as they were: the Deployment, its Service, its route. */
export const pathsOf = ({ name, router }: Routed): string[] => {
  const { routed } = WAYS[router];
  return [
    `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`,
    `/api/v1/namespaces/${NAMESPACE}/services/${name}`,
    ...(routed === null ? [] : [`${routed.collection}/${name}`]),
  ];
};

/** Requests to a workload by its way, so many a second. */
export const streamTo = (workload: Routed, rate: number): LoadOptions['streams'][number] => ({
  name: workload.name,
  via: WAYS[workload.router].via,
  host: hostOf(workload),
  ...(isPlain(workload) ? { address: workload.address } : {}),
  rate,
});

interface RoutedStack {
  api: ClusterApi;
  addresses: Record<'ingress' | 'router', string>;
  apply: (manifests: string) => Promise<void>;
  exec: (command: string, args: readonly string[]) => Promise<string>;
}

/** Waits until a plain Service answers inside the stack's network. */
async function waitForService({ exec }: RoutedStack, { name, address }: Routed): Promise<void> {
  const asked = ['-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${address}/`];
  await waitFor(async () => (await exec('curl', asked).catch(() => '')) === '200', {
    timeoutMs: 60_000,
    everyMs: 200,
    what: `${name} to be served`,
  });
}

/**
 * Applies a workload in the namespace of the sample shop and waits until it answers by its way. The Gateway of
 * `samples/gateway-api`, the router of Routes, and the stack's own serving of the namespace's Services must be there
 * for those that need them.
 */
export async function deployRouted(stack: RoutedStack, workload: Routed): Promise<void> {
  const { routed, via } = WAYS[workload.router];
  const objects = [...pods(workload), service(workload), ...(routed === null ? [] : [routed.route(workload)])];
  await stack.apply(objects.map((object) => stringify(object)).join('---\n'));
  await waitForDeployments(stack.api, NAMESPACE);
  if (via === 'service') await waitForService(stack, workload);
  else await waitForAnswers(stack.addresses[via], hostOf(workload));
}

/** Removes what {@link deployRouted} made, but for its account. */
export async function removeRouted({ api }: Pick<RoutedStack, 'api'>, workload: Routed): Promise<void> {
  await Promise.all(pathsOf(workload).map((path) => api.call('DELETE', path)));
}
