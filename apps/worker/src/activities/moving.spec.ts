import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import { aWholeTarget } from '@scc/migration/testing';
import { contextOf } from './context.fixture.js';
import { orderedActivities } from './ordered.js';
import { perNodeActivities } from './per-node.js';
import { rollingActivities } from './rolling.js';

const labels = { app: 'ledger' };
const template = { metadata: { labels }, spec: { containers: [] } };
const pace = { strategy: { type: 'Recreate' }, minReadySeconds: 0, progressDeadlineSeconds: 600 };

const KINDS = {
  StatefulSet: { make: orderedActivities, spec: { replicas: 0 } },
  DaemonSet: { make: perNodeActivities, spec: { updateStrategy: { type: 'OnDelete' } } },
  Deployment: { make: rollingActivities, spec: { replicas: 0, ...pace } },
};

describe('a workload whose pods all go while they move', () => {
  it.each(Object.entries(KINDS))('is no %s that works under the target', async (kind, { make, spec }) => {
    const target = { ...aWholeTarget(), templateAfter: template, pace: { own: pace, held: pace } };
    const object: KubeObject = {
      ...{ apiVersion: 'apps/v1', kind },
      metadata: { name: target.workload, namespace: target.ref.namespace, uid: target.workloadUid, generation: 1 },
      spec: { ...spec, selector: { matchLabels: labels }, template },
      status: { observedGeneration: 1, currentRevision: 'new', updateRevision: 'new' },
    };
    const kube: Partial<KubeClient> = {
      get: () => Promise.resolve(object),
      list: () => Promise.resolve({ items: [], resourceVersion: '' }),
    };
    const { awaitWorkload } = make(kube as KubeClient);
    await expect(asyncLocalStorage.run(contextOf(), () => awaitWorkload(target, 60_000))).rejects.toMatchObject({
      type: 'WorkloadChanged',
      message: expect.stringContaining('ledger has no pod any more') as unknown,
    });
  });
});
