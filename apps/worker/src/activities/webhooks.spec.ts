import { asyncLocalStorage } from '@temporalio/activity';
import { planSpecSchema } from '@scc/plan';
import type { KubeClient, KubeObject } from '@scc/kube';
import type { WebhookRequest } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import { activityContext } from '@scc/testing/activity-context';
import { callWebhooksWith } from './webhooks.js';

const target = aWholeTarget();
const { gates } = planSpecSchema.parse({
  workloadRef: { kind: 'Deployment', name: 'ledger' },
  targetSCC: 'nonroot-v2',
});
const ledger: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: target.workload, namespace: target.ref.namespace, uid: target.workloadUid },
  spec: { replicas: 1, selector: { matchLabels: { app: 'ledger' } }, template: { metadata: {}, spec: {} } },
};
/** A Deployment of which no pod is there: a census of its data fails. */
const kube: Partial<KubeClient> = {
  get: () => Promise.resolve(ledger),
  list: () => Promise.resolve({ items: [], resourceVersion: '1' }),
};

describe('the moment of a census', () => {
  const census = { volumes: ['data'], uid: 7, groups: [], group: null };
  const at = (moment: WebhookRequest['at'], strategy: 'Canary' | 'Rolling') =>
    asyncLocalStorage.run(activityContext({ workflowExecution: { workflowId: 'scc/shop/move/u1', runId: 'r1' } }), () =>
      callWebhooksWith(() => Promise.reject(new Error('no webhook')), kube as KubeClient)(
        { ...target, kind: 'Deployment', strategy, census },
        { at: moment, gates, weight: 0 },
      ),
    );

  it.each([
    ['Canary', 'BeforeCanary', 'BeforeMigrate'],
    ['Rolling', 'BeforeMigrate', 'BeforeCanary'],
  ] as const)('is, with the strategy %s, %s alone', async (strategy, moment, other) => {
    await expect(at(moment, strategy)).rejects.toThrow('0 of 1 pods mount it now');
    await expect(at(other, strategy)).resolves.toEqual([]);
  });
});
