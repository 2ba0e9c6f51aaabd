import { type SecurityContextConstraints, sccSchema } from './scc.js';
import type { Namespace } from './namespace.js';
import { type Container, type Pod, podSchema, type PodTemplate, podTemplateSchema } from './pod.js';

export const SHOP: Namespace = {
  name: 'shop',
  labels: {},
  annotations: {
    'openshift.io/sa.scc.uid-range': '1000680000/10000',
    'openshift.io/sa.scc.mcs': 's0:c26,c15',
    'openshift.io/sa.scc.supplemental-groups': '1000680000/10000',
  },
};

type Json = Readonly<Record<string, unknown>>;

/** A pod of one container; `spec` and `container` are laid over it. */
export const aPod = (spec: Json = {}, container: Json = {}, annotations: Record<string, string> = {}): Pod =>
  podSchema.parse({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', annotations },
    spec: {
      serviceAccountName: 'web',
      securityContext: {},
      containers: [{ name: 'web', image: 'web', ...container }],
      ...spec,
    },
  });

export const aTemplate = (spec: Json = {}, container: Json = {}): PodTemplate =>
  podTemplateSchema.parse({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image: 'web', ...container }], ...spec },
  });

/** An SCC that admits everything that needs no flag; fields are laid over it. */
export const anSCC = (name: string, fields: Json = {}): SecurityContextConstraints =>
  sccSchema.parse({
    metadata: { name },
    runAsUser: { type: 'RunAsAny' },
    seLinuxContext: { type: 'RunAsAny' },
    volumes: ['emptyDir', 'secret'],
    ...fields,
  });

export const firstContainer = (pod: Pod): Container => {
  const [container] = pod.spec.containers;
  if (!container) throw new Error('the pod has no container');
  return container;
};

export const without = (record: Readonly<Record<string, string>>, removed: string): Record<string, string> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => key !== removed));
