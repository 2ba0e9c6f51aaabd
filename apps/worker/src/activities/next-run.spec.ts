import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import { aWholeTarget } from '@scc/migration/testing';
import { activityContext } from '@scc/testing/activity-context';
import { nextRunActivities } from './next-run.js';

const template = {
  metadata: { annotations: { 'openshift.io/required-scc': 'restricted-v2' } },
  spec: { containers: [] },
};
const target = {
  ...aWholeTarget(),
  ...{ kind: 'CronJob' as const, strategy: 'NextRun' as const, workload: 'nightly', workloadUid: 'cron' },
  ...{ templateAfter: template, ref: { namespace: 'shop', name: 'move', uid: 'u1' } },
};
const ownedBy = (uid: string) => [{ apiVersion: 'batch/v1', kind: 'X', name: 'x', uid, controller: true }];

/** A run that began before the change, or since; it failed unless it is said to be good. */
const run = (name: string, isNew: boolean, isGood = false): KubeObject => ({
  ...{ apiVersion: 'batch/v1', kind: 'Job' },
  metadata: {
    ...{ name, uid: name, ownerReferences: ownedBy('cron') },
    creationTimestamp: new Date(Date.now() + (isNew ? 60_000 : -60_000)).toISOString(),
  },
  spec: { template: isNew ? template : { spec: {} } },
  status: { conditions: [{ type: isGood ? 'Complete' : 'Failed', status: 'True' }] },
});
const podOf = ({ metadata: { name = '' } }: KubeObject): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod', spec: {}, status: { phase: 'Failed' } },
  metadata: {
    ...{ name: `${name}-x`, namespace: 'shop', uid: `${name}-x`, ownerReferences: ownedBy(name) },
    annotations: { 'openshift.io/scc': 'restricted-v2' },
  },
});

function awaited(jobs: KubeObject[], over: object = {}): Promise<unknown> {
  const cronJob: KubeObject = {
    ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'nightly', namespace: 'shop', uid: 'cron' } },
    spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template } }, ...over },
  };
  const client: Partial<KubeClient> = {
    get: ({ kind }) => Promise.resolve(kind === 'CronJob' ? cronJob : undefined),
    list: ({ kind }) => Promise.resolve({ items: kind === 'Job' ? jobs : jobs.map(podOf), resourceVersion: '1' }),
    logs: () => Promise.resolve(''),
  };
  const { awaitRun } = nextRunActivities(client as KubeClient);
  const context = activityContext({ workflowExecution: { workflowId: 'scc/shop/move/u1', runId: 'r1' } });
  const sinceMs = Date.now();
  return asyncLocalStorage.run(context, () => awaitRun(target, { sinceMs, untilMs: sinceMs }));
}

describe('the next run of a CronJob', () => {
  it('that fails names the run before it, where that had failed as well', async () => {
    await expect(awaited([run('next', true), run('last', false)])).rejects.toThrow(
      /run next failed.*the run before it, last, had failed as well/,
    );
    await expect(awaited([run('next', true), run('last', false, true)])).rejects.toThrow(
      /run next failed(?!.*as well)/,
    );
  });

  it('that does not come names a deadline by which it may have been left out', async () => {
    await expect(awaited([], { startingDeadlineSeconds: 5 })).rejects.toThrow(
      /began by its schedule \(0 3 \* \* \*\) \(its startingDeadlineSeconds is 5: .* is left out\)/,
    );
    await expect(awaited([], { startingDeadlineSeconds: 60 })).rejects.toThrow(/\(0 3 \* \* \*\); set/);
  });
});
