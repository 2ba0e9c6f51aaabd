import { PLAN_GROUP } from '@scc/plan';
import { stringify } from 'yaml';
import type { ClusterApi } from './cluster/api.js';
import { hasHaproxy } from './haproxy/find.js';
import type { LoadOptions } from './load/protocol.js';
import { waitForAnswers, waitForDeployments } from './samples.js';

/** Whose route leads to a workload: a VirtualService, an HTTPRoute or a Route of OpenShift. */
const ROUTERS = ['istio', 'gateway-api', 'route'] as const;
type RouterName = (typeof ROUTERS)[number];

/** Those that can be tried on this machine: Routes need its HAProxy. */
export const routersHere = (): RouterName[] => ROUTERS.filter((router) => router !== 'route' || hasHaproxy());

/** A workload that requests reach by the route of one router. */
export interface Routed {
  name: string;
  router: RouterName;
}

const NAMESPACE = 'shop';
const ROUTED_REPLICAS = 3;

const hostOf = ({ name }: Routed): string => `${name}.shop.example`;

const pods = ({ name }: Routed): object[] => [
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
              image: `${PLAN_GROUP}/healthy:1`,
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

const service = ({ name }: Routed): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});

interface Way {
  via: 'ingress' | 'router';
  /** Where its routes are listed. */
  collection: string;
  route: (workload: Routed) => object;
}

const listed = (groupVersion: string, plural: string): string =>
  `/apis/${groupVersion}/namespaces/${NAMESPACE}/${plural}`;

const WAYS: Readonly<Record<RouterName, Way>> = {
  istio: {
    via: 'ingress',
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
  'gateway-api': {
    via: 'ingress',
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
  route: {
    via: 'router',
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
};

/** The paths of the objects that a migration has to give back as they were: the Deployment, its Service, its route. */
export const pathsOf = ({ name, router }: Routed): string[] => [
  `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`,
  `/api/v1/namespaces/${NAMESPACE}/services/${name}`,
  `${WAYS[router].collection}/${name}`,
];

/** Requests to a workload by its way, so many a second. */
export const streamTo = (workload: Routed, rate: number): LoadOptions['streams'][number] => ({
  name: workload.name,
  via: WAYS[workload.router].via,
  host: hostOf(workload),
  rate,
});

interface RoutedStack {
  api: ClusterApi;
  addresses: Record<'ingress' | 'router', string>;
  apply: (manifests: string) => Promise<void>;
}

/**
 * Applies a workload in the namespace of the sample shop and waits until it answers by its route. The Gateway of
 * `samples/gateway-api` and the router of Routes must be there for those that need them.
 */
export async function deployRouted(stack: RoutedStack, workload: Routed): Promise<void> {
  const { route, via } = WAYS[workload.router];
  const objects = [...pods(workload), service(workload), route(workload)];
  await stack.apply(objects.map((object) => stringify(object)).join('---\n'));
  await waitForDeployments(stack.api, NAMESPACE);
  await waitForAnswers(stack.addresses[via], hostOf(workload));
}

/** Removes what {@link deployRouted} made, but for its account. */
export async function removeRouted({ api }: Pick<RoutedStack, 'api'>, workload: Routed): Promise<void> {
  await Promise.all(pathsOf(workload).map((path) => api.call('DELETE', path)));
}
