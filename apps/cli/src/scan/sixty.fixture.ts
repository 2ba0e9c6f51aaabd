import { type ClusterObject, clusterObjectSchema } from '@scc/scc/scan';

const NAMESPACES = ['shop', 'bank', 'media', 'platform', 'legacy'];

interface Shape {
  name: string;
  kind?: string;
  /** Of its pods that run; absent: it has none. */
  scc?: string;
  granted?: boolean;
  metadata?: object;
  context?: object;
  pod?: object;
}

const OPERATOR = [{ apiVersion: 'db.example/v1', kind: 'Cluster', name: 'main', uid: 'u', controller: true }];
const HELM = { labels: { 'app.kubernetes.io/managed-by': 'Helm' } };
const hostPath = { volumes: [{ name: 'v', hostPath: { path: '/var/log' } }] };
const claim = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] };

/** What a platform team finds in a namespace: one of each, as they are. */
const SHAPES: readonly Shape[] = [
  { name: 'orders', scc: 'anyuid', context: {} },
  { name: 'catalog', scc: 'anyuid', context: { runAsUser: 0 } },
  { name: 'cart', scc: 'nonroot-v2', context: { runAsUser: 1001 } },
  { name: 'ledger', scc: 'privileged', context: { privileged: true } },
  { name: 'payments', scc: 'restricted-v2', granted: false },
  { name: 'search', scc: 'privileged', context: { capabilities: { add: ['NET_ADMIN'] } } },
  { name: 'images', kind: 'DaemonSet', scc: 'hostmount-anyuid', context: { runAsUser: 0 }, pod: hostPath },
  { name: 'mail', kind: 'StatefulSet', scc: 'anyuid', context: { runAsUser: 0 }, pod: claim },
  { name: 'reports', kind: 'CronJob' },
  { name: 'agent', kind: 'DaemonSet', scc: 'hostnetwork-v2', context: { runAsUser: 0 }, pod: { hostNetwork: true } },
  { name: 'front', scc: 'anyuid', metadata: HELM },
  { name: 'db', scc: 'anyuid', metadata: { ownerReferences: OPERATOR } },
];

function objectsOf(namespace: string, shape: Shape): object[] {
  const { name, kind = 'Deployment', scc, granted = true, metadata = {}, context = {}, pod = {} } = shape;
  const labels = { app: name };
  const at = { name, namespace };
  const containers = [{ name: 'app', image: 'i', ports: [{ containerPort: 8080 }], securityContext: context }];
  const template = { metadata: { labels }, spec: { serviceAccountName: name, containers, ...pod } };
  const [apiVersion, spec] =
    kind === 'CronJob'
      ? ['batch/v1', { schedule: '* * * * *', jobTemplate: { spec: { template } } }]
      : ['apps/v1', { replicas: 2, selector: { matchLabels: labels }, template }];
  const owner = { apiVersion, kind, name, uid: `${namespace}-${name}`, controller: true };
  const running = (scc === undefined ? [] : [0, 1]).map((number) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', spec: template.spec, status: { phase: 'Running' } },
    metadata: {
      ...{ name: `${name}-${number}`, namespace, ownerReferences: [owner] },
      annotations: { 'openshift.io/scc': scc },
    },
  }));
  const role = { kind: 'ClusterRole', name: `system:openshift:scc:${scc ?? 'anyuid'}` };
  const binding = {
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: at, roleRef: role },
    subjects: [{ kind: 'ServiceAccount', ...at }],
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: at,
    spec: { selector: labels, ports: [{ port: 80 }] },
  };
  return [
    { apiVersion, kind, metadata: { ...at, uid: owner.uid, ...metadata }, spec },
    ...running,
    ...(granted ? [binding] : []),
    ...(kind === 'CronJob' ? [] : [service]),
  ];
}

/** Sixty mixed workloads of five namespaces, four of which are in the mesh. */
export const sixtyWorkloads = (): ClusterObject[] =>
  NAMESPACES.flatMap((name) => {
    const labels = name === 'legacy' ? {} : { 'istio-injection': 'enabled' };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
    return [namespace, ...SHAPES.flatMap((shape) => objectsOf(name, shape))];
  }).map((object) => clusterObjectSchema.parse(object));
