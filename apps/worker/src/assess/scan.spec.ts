import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { isDivided, planSpecSchema, strategyOf, type WORKLOAD_KINDS } from '@scc/plan';
import { aimOf, clusterObjectSchema, inventoryOf, scan } from '@scc/scc/scan';
import { routersOf } from '../routers.js';
import { violationsOf } from './checks.js';
import { divide } from './division.js';
import { gatherFacts } from './facts.js';
import { changeTemplate } from './template.js';
import { waysBeside } from './ways.js';

/** What a scan says of a workload that a plan could move is what the plan's dry run says, from the same objects. */

type Kind = (typeof WORKLOAD_KINDS)[number];

const RANGES = {
  'openshift.io/sa.scc.uid-range': '1000650000/10000',
  'openshift.io/sa.scc.supplemental-groups': '1000650000/10000',
  'openshift.io/sa.scc.mcs': 's0:c26,c5',
};
const SERVED = ['SecurityContextConstraints'];
const MESH = [...SERVED, 'VirtualService', 'DestinationRule'];

interface Rest {
  metadata?: object;
  spec?: object;
  status?: object;
}
const anObject = (apiVersion: string, kind: string, name: string, rest: Rest = {}): KubeObject => ({
  apiVersion,
  kind,
  ...rest,
  metadata: { name, namespace: 'shop', uid: `${kind}-${name}`, generation: 1, ...rest.metadata },
});
const clusterWide = (apiVersion: string, kind: string, name: string, rest: object): KubeObject => {
  const { namespace: _none, ...metadata } = anObject(apiVersion, kind, name).metadata;
  return { apiVersion, kind, metadata, ...rest };
};
const namespace = (name: string, labels: Record<string, string> = {}): KubeObject =>
  clusterWide('v1', 'Namespace', name, {
    metadata: { name, labels, annotations: RANGES },
  });
const meshed = namespace('shop', { 'istio-injection': 'enabled' });
const bare = namespace('shop');

interface Over {
  kind?: Kind;
  metadata?: object;
  spec?: object;
  status?: object;
  pod?: object;
  container?: object;
}
const workload = ({ kind = 'Deployment', metadata, spec, status, pod, container }: Over = {}): KubeObject =>
  anObject('apps/v1', kind, 'a', {
    spec: {
      ...(kind === 'DaemonSet' ? {} : { replicas: 2 }),
      selector: { matchLabels: { app: 'a' } },
      ...spec,
      template: {
        metadata: { labels: { app: 'a', part: 'web' } },
        spec: { serviceAccountName: 'a', containers: [{ name: 'app', image: 'i', ...container }], ...pod },
      },
    },
    status: {
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      ...status,
    },
    ...(metadata ? { metadata } : {}),
  });
const agents = (nodes: number): KubeObject =>
  workload({
    kind: 'DaemonSet',
    status: { desiredNumberScheduled: nodes, updatedNumberScheduled: nodes, numberAvailable: nodes },
  });
const cronJob = (spec: object = {}, ownerReferences: readonly object[] = [], run: object = {}): KubeObject => {
  const { spec: written, ...rest } = workload({ kind: 'CronJob', metadata: { ownerReferences } });
  const { template } = written as { template: object };
  const jobTemplate = { spec: { template, ...run } };
  return { ...rest, apiVersion: 'batch/v1', spec: { schedule: '0 3 * * *', ...spec, jobTemplate } };
};
const service = (spec: object = {}, name = 'a', metadata: object = {}): KubeObject =>
  anObject('v1', 'Service', name, {
    spec: { selector: { app: 'a' }, ports: [{ port: 80, name: 'http' }], ...spec },
    metadata,
  });
const neighbour = (kind: string, labels: object): KubeObject =>
  anObject('apps/v1', kind, 'b', {
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  });
const virtualService = (metadata: object = {}, spec: object = {}): KubeObject =>
  anObject('networking.istio.io/v1', 'VirtualService', 'v', {
    spec: {
      hosts: ['a.shop.svc.cluster.local'],
      http: [{ route: [{ destination: { host: 'a.shop.svc.cluster.local' } }] }],
      ...spec,
    },
    metadata,
  });
const gatewayRoute = (apiVersion: string, kind: string, over: object = {}, metadata: object = {}): KubeObject =>
  anObject(`gateway.networking.k8s.io/${apiVersion}`, kind, 'r', {
    spec: {
      parentRefs: [{ name: 'edge' }],
      rules: [{ backendRefs: [{ name: 'a', namespace: 'shop', port: 80 }], ...over }],
    },
    status: {
      parents: [
        {
          parentRef: { name: 'edge' },
          controllerName: 'istio.io/gateway-controller',
          conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({ type, status: 'True', observedGeneration: 1 })),
        },
      ],
    },
    metadata,
  });
/** Without the cookies of its router, for which a worker needs counters. */
const route = (
  metadata: { annotations?: object; ownerReferences?: readonly object[] } = {},
  spec: object = {},
): KubeObject =>
  anObject('route.openshift.io/v1', 'Route', 'r', {
    spec: { to: { kind: 'Service', name: 'a', weight: 100 }, ...spec },
    status: {
      ingress: [{ routerName: 'default', host: 'a.example', conditions: [{ type: 'Admitted', status: 'True' }] }],
    },
    metadata: {
      ...metadata,
      annotations: { 'haproxy.router.openshift.io/disable_cookies': 'true', ...metadata.annotations },
    },
  });
const grant = anObject('gateway.networking.k8s.io/v1beta1', 'ReferenceGrant', 'g', {
  spec: {
    from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'edge' }],
    to: [{ group: '', kind: 'Service' }],
  },
});
const claim = (mode: string): KubeObject =>
  anObject('v1', 'PersistentVolumeClaim', 'c', { spec: { accessModes: [mode] } });
const mounts = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
const hook = (kind: string): KubeObject =>
  clusterWide('admissionregistration.k8s.io/v1', kind, 'h', {
    webhooks: [{ clientConfig: { service: { namespace: 'shop', name: 'a' } } }],
  });
const paths = { rules: [{ http: { paths: [{ backend: { service: { name: 'a', port: { number: 80 } } } }] } }] };

/** A cluster of these objects, which serves the kinds of Kubernetes and those of which it has any. */
function clusterOf(objects: readonly KubeObject[], served: readonly string[]): KubeClient {
  const isServed = (kind: string): boolean => served.includes(kind) || objects.some((one) => one.kind === kind);
  const find = (kind: string, of: string | undefined): KubeObject[] =>
    objects.filter((one) => one.kind === kind && (of === undefined || one.metadata.namespace === of));
  return Object.assign(Object.create(null) as KubeClient, {
    get: (({ kind, namespace: of, name }) =>
      Promise.resolve(find(kind, of).find(({ metadata }) => metadata.name === name))) satisfies KubeClient['get'],
    list: (({ apiVersion, kind }, { namespace: of } = {}) => {
      const [group = ''] = apiVersion.includes('.') ? apiVersion.split('/') : [];
      const isOfKubernetes = group === '' || group.endsWith('.k8s.io');
      const isKnown = isServed(kind) || (isOfKubernetes && group !== 'gateway.networking.k8s.io');
      if (!isKnown) return Promise.reject(new KubeError(404, { reason: 'KindNotServed', message: `no ${kind}` }));
      return Promise.resolve({ items: find(kind, of), resourceVersion: '1' });
    }) satisfies KubeClient['list'],
  });
}

/** The codes for which a plan's dry run would refuse to move the workload. */
async function refusalsOf(objects: readonly KubeObject[], kind: Kind, served: readonly string[]): Promise<string[]> {
  const kube = clusterOf([...objects, anObject('v1', 'ServiceAccount', 'a')], served);
  const spec = planSpecSchema.parse({
    workloadRef: { kind, name: 'a' },
    targetSCC: 'restricted-v2',
    podSecurity: { mode: 'Apply' },
  });
  const ref = { namespace: 'shop', name: 'p', uid: 'u' };
  const read = await gatherFacts(kube, ref, { spec, domain: 'cluster.local', root: 'istio-system' });
  const { sccs } = inventoryOf([]);
  const facts = { ...read, sccs };
  const codes = violationsOf(facts).map(({ code }) => code);
  const target = sccs.byName.get('restricted-v2');
  if (!facts.workload || !target || !isDivided(strategyOf(kind).type)) return codes;
  const { template } = facts.workload.object['spec'] as { template: unknown };
  const changed = await changeTemplate(facts, template, { target });
  const router = routersOf({ kube, fieldManager: 'm', boundMs: 0, reloadMs: 0, signal: () => undefined });
  const division = await divide(
    { kube, router },
    { facts, workload: facts.workload, changed: changed.ok ? changed : null },
  );
  const seen = violationsOf({ ...facts, ways: waysBeside(division.ways, facts.ways) });
  return [...seen, ...division.blocking, ...division.violations].map(({ code }) => code);
}

function obstaclesOf(objects: readonly KubeObject[]): string[] {
  const inventory = inventoryOf(objects.map((object) => clusterObjectSchema.parse(object)));
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('no aim');
  const row = scan(inventory, aim).rows.find(({ name }) => name === 'a');
  if (!row) throw new Error('no row');
  return row.obstacles;
}

const set = (over: Over = {}): KubeObject => workload({ kind: 'StatefulSet', ...over });
/** The workload first. */
type Case = [string, KubeObject[], string[], 'no mesh'?];
const CASES: Case[] = [
  ['a Deployment in the mesh', [workload(), meshed, service()], []],
  ['without a Service', [workload(), meshed], []],
  ['whose Service picks others', [workload(), meshed, service({ selector: { app: 'b' } })], []],
  ['with a Service without selector', [workload(), meshed, service({ selector: undefined })], []],
  [
    'in the ambient mesh',
    [workload(), namespace('shop', { 'istio.io/dataplane-mode': 'ambient' }), service(), virtualService()],
    ['AmbientNotDivided'],
  ],
  [
    'behind a waypoint of its Service',
    [workload(), meshed, service({}, 'a', { labels: { 'istio.io/use-waypoint': 'edge' } }), virtualService()],
    ['AmbientNotDivided'],
  ],
  [
    'behind a waypoint of its namespace',
    [workload(), namespace('shop', { 'istio-injection': 'enabled', 'istio.io/use-waypoint': 'edge' }), service()],
    ['AmbientNotDivided'],
  ],
  ['in a cluster without mesh', [workload(), bare, service()], [], 'no mesh'],
  [
    'in a cluster without mesh, on a port of its nodes',
    [workload(), bare, service({ type: 'NodePort' })],
    [],
    'no mesh',
  ],
  [
    'in a cluster without mesh, with a headless Service',
    [workload(), bare, service({ clusterIP: 'None' })],
    ['WayNotDivided'],
    'no mesh',
  ],
  ['of several Services', [workload(), meshed, service(), service({}, 'a2')], []],
  ['behind a VirtualService', [workload(), meshed, service(), virtualService()], []],
  ['behind a VirtualService, its namespace without label', [workload(), bare, service(), virtualService()], []],
  [
    'behind a VirtualService of another namespace',
    [workload(), meshed, namespace('edge'), service(), virtualService({ namespace: 'edge' })],
    ['NamespaceHasNotAgreed'],
  ],
  [
    'behind one of a namespace that agreed',
    [
      workload(),
      bare,
      namespace('edge', { 'scc.poc/managed': 'true' }),
      service(),
      virtualService({ namespace: 'edge' }),
    ],
    [],
  ],
  ['behind an HTTPRoute', [workload(), bare, service(), gatewayRoute('v1', 'HTTPRoute')], [], 'no mesh'],
  ['behind a GRPCRoute', [workload(), meshed, service(), gatewayRoute('v1', 'GRPCRoute')], []],
  [
    'behind a TCPRoute',
    [workload(), meshed, service(), gatewayRoute('v1alpha2', 'TCPRoute')],
    ['RouteCanNotBeDivided'],
  ],
  [
    'behind a TLSRoute',
    [workload(), meshed, service(), gatewayRoute('v1alpha3', 'TLSRoute')],
    ['RouteCanNotBeDivided'],
  ],
  [
    'behind an HTTPRoute with persistent sessions',
    [workload(), meshed, service(), gatewayRoute('v1', 'HTTPRoute', { sessionPersistence: {} })],
    ['RouteCanNotBeDivided'],
  ],
  [
    'behind an HTTPRoute with a mirror of its own',
    [
      workload(),
      meshed,
      service(),
      gatewayRoute('v1', 'HTTPRoute', {
        filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', namespace: 'shop' } } }],
      }),
    ],
    ['RouteCanNotBeDivided'],
  ],
  [
    'behind an HTTPRoute of another namespace',
    [
      workload(),
      meshed,
      namespace('edge'),
      service(),
      gatewayRoute('v1', 'HTTPRoute', {}, { namespace: 'edge' }),
      grant,
    ],
    ['NamespaceHasNotAgreed'],
  ],
  [
    'behind an Ingress',
    [workload(), meshed, service(), anObject('networking.k8s.io/v1', 'Ingress', 'i', { spec: paths })],
    ['WayNotDivided'],
  ],
  [
    'behind a default backend',
    [
      workload(),
      meshed,
      service(),
      anObject('networking.k8s.io/v1', 'Ingress', 'i', { spec: { defaultBackend: { service: { name: 'a' } } } }),
    ],
    ['WayNotDivided'],
  ],
  ['behind a Route', [workload(), bare, service(), route()], [], 'no mesh'],
  ['behind a Route, in the mesh', [workload(), meshed, service(), route()], []],
  ...(
    [
      [
        'that a controller made',
        { ownerReferences: [{ apiVersion: 'x/v1', kind: 'X', name: 'x', uid: 'x', controller: true }] },
        {},
      ],
      ['balanced by connections', { annotations: { 'haproxy.router.openshift.io/balance': 'leastconn' } }, {}],
      ['without weight', {}, { to: { kind: 'Service', name: 'a', weight: 0 } }],
      [
        'without room for the canary',
        {},
        { alternateBackends: ['x', 'y', 'z'].map((name) => ({ kind: 'Service', name, weight: 1 })) },
      ],
    ] as const
  ).map(([what, metadata, spec]): Case => [
    `behind a Route ${what}`,
    [workload(), meshed, service(), route(metadata, spec)],
    ['RouteCanNotBeDivided'],
  ]),
  ['by a port of every node', [workload(), meshed, service({ type: 'NodePort' })], ['WayNotDivided']],
  ['by a load balancer', [workload(), meshed, service({ type: 'LoadBalancer' })], ['WayNotDivided']],
  ['by an external address', [workload(), meshed, service({ externalIPs: ['192.0.2.1'] })], ['WayNotDivided']],
  ['by a headless Service', [workload(), meshed, service({ clusterIP: 'None' })], ['WayNotDivided']],
  [
    'by another name',
    [
      workload(),
      meshed,
      service(),
      service({ type: 'ExternalName', externalName: 'a.shop.svc.cluster.local', selector: undefined }, 'alias', {
        namespace: 'edge',
      }),
    ],
    ['WayNotDivided'],
  ],
  [
    'beside a name of something else',
    [
      workload(),
      meshed,
      service(),
      service({ type: 'ExternalName', externalName: 'a.example', selector: undefined }, 'x'),
    ],
    [],
  ],
  ...['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'].map((kind): Case => [
    `called as a ${kind}`,
    [workload(), meshed, service(), hook(kind)],
    ['WayNotDivided'],
  ]),
  [
    'called as an API',
    [
      workload(),
      meshed,
      service(),
      clusterWide('apiregistration.k8s.io/v1', 'APIService', 'v1.x', {
        spec: { service: { namespace: 'shop', name: 'a' } },
      }),
    ],
    ['WayNotDivided'],
  ],
  [
    'with a port of the node',
    [workload({ container: { ports: [{ containerPort: 80, hostPort: 80 }] } }), meshed, service()],
    ['WayNotDivided'],
  ],
  [
    'in the network of the node',
    [workload({ pod: { hostNetwork: true }, container: { ports: [{ containerPort: 80 }] } }), meshed, service()],
    ['WayNotDivided'],
  ],
  ['with UDP', [workload(), meshed, service({ ports: [{ port: 53, protocol: 'UDP' }] })], ['PortCanNotBeDivided']],
  [
    'with TLS beside HTTP',
    [
      workload(),
      meshed,
      service({
        ports: [
          { port: 80, name: 'http' },
          { port: 443, name: 'https' },
        ],
      }),
    ],
    ['PortCanNotBeDivided'],
  ],
  [
    'with a database behind routes of HTTP',
    [workload(), meshed, service({ ports: [{ port: 5432 }] }), virtualService()],
    ['PortCanNotBeDivided'],
  ],
  ['paused', [workload({ spec: { paused: true } }), meshed, service()], ['WorkloadPaused']],
  ['scaled to nothing', [workload({ spec: { replicas: 0 } }), meshed, service()], []],
  [
    'of a controller',
    [
      workload({
        metadata: { ownerReferences: [{ apiVersion: 'x/v1', kind: 'App', name: 'x', uid: 'x', controller: true }] },
      }),
      meshed,
      service(),
    ],
    ['WorkloadIsOwned'],
  ],
  [
    'of a ClusterServiceVersion, which is no controller',
    [
      workload({
        metadata: {
          ownerReferences: [
            { apiVersion: 'operators.coreos.com/v1alpha1', kind: 'ClusterServiceVersion', name: 'x', uid: 'x' },
          ],
        },
      }),
      meshed,
      service(),
    ],
    ['WorkloadIsOwned'],
  ],
  ['of OLM', [workload({ metadata: { labels: { 'olm.owner': 'x.v1' } } }), meshed, service()], ['WorkloadIsOwned']],
  ['with a volume of one node', [workload({ pod: mounts }), meshed, service(), claim('ReadWriteOnce')], []],
  [
    'with a shared volume that would get another level',
    [
      workload({ pod: { ...mounts, securityContext: { seLinuxOptions: { level: 's0:c1,c2' } } } }),
      meshed,
      service(),
      claim('ReadWriteMany'),
    ],
    ['VolumeRelabelled'],
  ],
  [
    'that shares its Service',
    [workload(), meshed, service({ selector: { part: 'web' } }), neighbour('StatefulSet', { part: 'web' })],
    ['SharedService', 'NoSharedLabel'],
  ],
  [
    'that shares its Service with a pod of its own life',
    [
      workload(),
      meshed,
      service(),
      anObject('v1', 'Pod', 'p', {
        spec: { containers: [{ name: 'c' }] },
        status: { phase: 'Running' },
        metadata: { labels: { app: 'a' } },
      }),
    ],
    ['SharedService'],
  ],
  ['whose Service picks other labels', [workload(), meshed, service({ selector: { part: 'web' } })], ['NoSharedLabel']],
  ['a StatefulSet without a Service', [set(), bare], [], 'no mesh'],
  ['a StatefulSet behind a Route', [set(), bare, service({ clusterIP: 'None' }), route()], []],
  ['a StatefulSet without replicas', [set({ spec: { replicas: 0 }, status: { replicas: 0 } }), bare], []],
  [
    'a StatefulSet in stages',
    [set({ spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } } }), bare],
    ['PartitionInUse'],
  ],
  ['a DaemonSet', [agents(2), meshed, service()], []],
  ['a DaemonSet without a Service', [agents(2), bare], [], 'no mesh'],
  ['a DaemonSet that no node runs', [agents(0), bare], []],
  ['a CronJob', [cronJob(), meshed], []],
  ['a CronJob that keeps no failed run', [cronJob({ failedJobsHistoryLimit: 0 }), bare], ['RunsNotKept']],
  ['a CronJob that keeps no good run', [cronJob({ successfulJobsHistoryLimit: 0 }), bare], ['RunsNotKept']],
  ['a CronJob whose runs go at once', [cronJob({}, [], { ttlSecondsAfterFinished: 5 }), bare], ['RunsNotKept']],
  [
    'a CronJob that a controller owns',
    [cronJob({}, [{ apiVersion: 'x/v1', kind: 'Shop', name: 's', uid: 's', controller: true }]), bare],
    ['WorkloadIsOwned'],
  ],
];

describe('a scan and a plan of the same cluster', () => {
  it.each(CASES.map(([name, objects, codes, mesh]) => ({ name, objects, codes, mesh })))(
    '$name',
    async ({ objects, codes, mesh }) => {
      const kind = objects[0]?.kind as Kind;
      expect([...new Set(await refusalsOf(objects, kind, mesh ? SERVED : MESH))].sort()).toEqual([...codes].sort());
      const obstacles = obstaclesOf(objects);
      expect({ obstacles, cannotMove: obstacles.length > 0 }).toMatchObject({ cannotMove: codes.length > 0 });
    },
  );
});
