import { type ClusterObject, clusterObjectSchema } from './objects.js';

const NAMESPACE = {
  'openshift.io/sa.scc.uid-range': '1000650000/10000',
  'openshift.io/sa.scc.supplemental-groups': '1000650000/10000',
  'openshift.io/sa.scc.mcs': 's0:c26,c5',
};

export const anObject = (object: object): ClusterObject => clusterObjectSchema.parse(object);

export const aNamespace = (name: string, labels: Record<string, string> = {}): ClusterObject =>
  anObject({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations: NAMESPACE } });

interface Parts {
  kind?: string;
  apiVersion?: string;
  metadata?: object;
  spec?: object;
  pod?: object;
  container?: object;
}

/** A workload with one container. */
export const aWorkload = (name: string, parts: Parts = {}): ClusterObject =>
  anObject({
    apiVersion: parts.apiVersion ?? 'apps/v1',
    kind: parts.kind ?? 'Deployment',
    metadata: { name, namespace: 'shop', ...parts.metadata },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      ...parts.spec,
      template: {
        metadata: { labels: { app: name } },
        spec: { serviceAccountName: name, containers: [{ name: 'app', image: 'i', ...parts.container }], ...parts.pod },
      },
    },
  });

const controlledBy = ({ apiVersion, kind, metadata }: ClusterObject) => [
  { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? metadata.name, controller: true },
];

export const ownedBy = (object: ClusterObject, owner: ClusterObject): ClusterObject => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: controlledBy(owner) },
});

/** A pod of a cluster, admitted by an SCC. */
export const aPod = (name: string, scc: string, phase = 'Running'): ClusterObject =>
  anObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', annotations: scc === '' ? {} : { 'openshift.io/scc': scc } },
    spec: { containers: [{ name: 'app', image: 'i' }] },
    status: { phase },
  });

/** The binding of an SCC's ClusterRole to the ServiceAccount of a workload. */
export const aGrant = (account: string, scc: string): ClusterObject =>
  anObject({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${account}-${scc}`, namespace: 'shop' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `system:openshift:scc:${scc}` },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'shop' }],
  });

export const aService = (name: string, spec: object = {}): ClusterObject =>
  anObject({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
  });
