import { type KubeObject, objectSchema } from '@scc/kube';
import { STORAGE_USER } from '../identity/users.js';
import { SYSTEM_NAMESPACE } from './accounts.js';
import { STORAGE_DRIVER } from './storage.js';

const object = (apiVersion: string, kind: string, name: string, rest: object = {}): KubeObject =>
  objectSchema.parse({ apiVersion, kind, metadata: { name }, ...rest });

const READ = ['get', 'list', 'watch'];

/** The work of istiod here: it reads configuration and endpoints, injects nothing and hands out no certificate. */
const ISTIOD_RULES = [
  {
    apiGroups: ['networking.istio.io', 'security.istio.io', 'telemetry.istio.io', 'extensions.istio.io'],
    resources: ['*'],
    verbs: READ,
  },
  { apiGroups: ['gateway.networking.k8s.io'], resources: ['*'], verbs: READ },
  {
    apiGroups: ['gateway.networking.k8s.io'],
    resources: ['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes'].map((plural) => `${plural}/status`),
    verbs: ['update', 'patch'],
  },
  // It makes its own class.
  { apiGroups: ['gateway.networking.k8s.io'], resources: ['gatewayclasses'], verbs: ['create', 'update', 'patch'] },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: READ },
  { apiGroups: [''], resources: ['pods', 'nodes', 'services', 'namespaces', 'endpoints', 'secrets'], verbs: READ },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: READ },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
    verbs: READ,
  },
  { apiGroups: [''], resources: ['configmaps'], verbs: [...READ, 'create', 'update'] },
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
];

/** Its own namespace holds its certificate authority and its leader elections. */
const ISTIOD_HOME_RULES = [
  { apiGroups: [''], resources: ['secrets', 'configmaps'], verbs: [...READ, 'create', 'update'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update', 'patch'] },
];

const PROVISIONER_RULES = [
  { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: READ },
  { apiGroups: [''], resources: ['persistentvolumes'], verbs: [...READ, 'create', 'delete'] },
];

const RBAC = 'rbac.authorization.k8s.io';
const subjects = [{ apiGroup: RBAC, kind: 'User', name: 'istiod' }];
const inIstioSystem = (kind: string, rest: object): KubeObject =>
  objectSchema.parse({
    apiVersion: `${RBAC}/v1`,
    kind,
    metadata: { name: 'istiod', namespace: 'istio-system' },
    ...rest,
  });

/** Volumes as folders of the machine, whose files a node gives to the pod's fsGroup. */
const storage = (): KubeObject[] => [
  object('storage.k8s.io/v1', 'StorageClass', 'folders', {
    ...{ provisioner: STORAGE_DRIVER, reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
  }),
  object('storage.k8s.io/v1', 'CSIDriver', STORAGE_DRIVER, {
    spec: { attachRequired: false, fsGroupPolicy: 'File', volumeLifecycleModes: ['Persistent'] },
  }),
  object(`${RBAC}/v1`, 'ClusterRole', STORAGE_USER, { rules: PROVISIONER_RULES }),
  object(`${RBAC}/v1`, 'ClusterRoleBinding', STORAGE_USER, {
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: STORAGE_USER },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: STORAGE_USER }],
  }),
];

/** The namespaces and rights without which the cluster's own parts do not work. */
export const mustExist = (): KubeObject[] => [
  ...['istio-system', 'istio-ingress'].map((name) => object('v1', 'Namespace', name)),
  object(`${RBAC}/v1`, 'ClusterRole', 'istiod', { rules: ISTIOD_RULES }),
  object(`${RBAC}/v1`, 'ClusterRoleBinding', 'istiod', {
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'istiod' },
    subjects,
  }),
  ...storage(),
  inIstioSystem('Role', { rules: ISTIOD_HOME_RULES }),
  inIstioSystem('RoleBinding', { roleRef: { apiGroup: RBAC, kind: 'Role', name: 'istiod' }, subjects }),
];

export const systemNamespace = (): KubeObject => object('v1', 'Namespace', SYSTEM_NAMESPACE);
