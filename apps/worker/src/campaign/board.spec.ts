import { describe, expect, it } from '@jest/globals';
import { KubeError, type KubeClient, type KubeObject, objectSchema } from '@scc/kube';
import { parseCampaign } from '@scc/plan';
import { defaultSCCs } from '@scc/scc';
import { makeBoard } from './board.js';

const parsed = parseCampaign({ workloads: [{ namespace: 'shop', kind: 'Deployment', name: 'web' }] });
if (!parsed.ok) throw new Error(JSON.stringify(parsed.violations));
const { spec } = parsed;
const template = (name: string, configMap?: string) => ({
  metadata: { labels: { app: name } },
  spec: {
    serviceAccountName: name,
    securityContext: { runAsUser: 0 },
    containers: [
      {
        name: 'app',
        image: 'app:1',
        ...(configMap === undefined ? {} : { envFrom: [{ configMapRef: { name: configMap } }] }),
      },
    ],
  },
});
const deployment = (name: string, configMap?: string): KubeObject => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'shop', name, uid: name } },
  spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: template(name, configMap) },
});

/** A cluster of one workload that takes its environment from a ConfigMap. */
const aCluster = (get: KubeClient['get']): KubeClient => {
  const objects: KubeObject[] = [
    ...defaultSCCs().map((scc) =>
      objectSchema.parse({
        ...scc,
        users: scc.metadata.name === 'anyuid' ? ['system:serviceaccount:shop:web'] : [],
        ...{ apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' },
      }),
    ),
    {
      ...{ apiVersion: 'v1', kind: 'Namespace' },
      metadata: { name: 'shop', annotations: { 'openshift.io/sa.scc.uid-range': '1000650000/10000' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'shop', name: 'web' } },
    deployment('web', 'urls'),
  ];
  const kube: Pick<KubeClient, 'get' | 'list'> = {
    get,
    list: ({ kind }) => Promise.resolve({ items: objects.filter((one) => one.kind === kind), resourceVersion: '1' }),
  };
  return kube as KubeClient;
};

describe('the board of a campaign', () => {
  it('is made without ConfigMaps that the worker may not read, and says which', async () => {
    const board = await makeBoard(
      aCluster(() => Promise.reject(new KubeError(403, { reason: 'Forbidden', message: 'configmaps is forbidden' }))),
      spec,
    );
    expect(board).toMatchObject({ unread: 'callers in ConfigMaps not read: no right to get shop/urls' });
    expect(board).toHaveProperty('waves.0.workloads.0.name', 'web');
  });

  it('says nothing of that where they may be read, or are not there', async () => {
    const board = await makeBoard(
      aCluster(() => Promise.resolve(undefined)),
      spec,
    );
    expect(board).toHaveProperty('waves.0.workloads.0.name', 'web');
    expect(board).not.toHaveProperty('unread');
  });
});
