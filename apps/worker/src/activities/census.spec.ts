import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import { aWholeTarget } from '@scc/migration/testing';
import { activityContext } from '@scc/testing/activity-context';
import { runCensus } from './census.js';

const ref = { namespace: 'shop', name: 'move', uid: 'u1' };
const labels = { app: 'ledger' };
const set: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'ledger', namespace: 'shop', uid: 'w1' },
  spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: {} } },
};
const podSpec = (ordinal: number) => ({
  nodeName: `node-${ordinal}`,
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `data-ledger-${ordinal}` } }],
  containers: [{ name: 'db', image: 'db:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
});
const pod = (ordinal: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    ...{ name: `ledger-${ordinal}`, namespace: 'shop', uid: `p${ordinal}`, labels },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ledger', uid: 'w1', controller: true }],
  },
  spec: podSpec(ordinal),
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});

const FITS = ' 2 0:5000:660:regular file\ncensus: done';
const OF_ROOT = ' 2 0:0:600:regular file\ncensus: done';

/** A namespace whose Jobs end at once, and say what a test wants. */
function world(said: (job: string, gives: boolean) => string, isGood = true) {
  const jobs = new Map<string, KubeObject>();
  const made: string[] = [];
  const givesOf = (job: KubeObject) => JSON.stringify(job).includes('chgrp 5000');
  const client: Partial<KubeClient> = {
    get: ({ kind, name }) =>
      Promise.resolve(
        kind === 'StatefulSet'
          ? set
          : kind === 'Job'
            ? jobs.get(name)
            : [0, 1].map(pod).find((one) => one.metadata.name === name),
      ),
    list: ({ kind }) => {
      const podOf = (job: KubeObject): KubeObject => ({
        ...{ apiVersion: 'v1', kind: 'Pod', spec: {}, status: { phase: 'Succeeded' } },
        metadata: {
          ...{ name: `${job.metadata.name ?? ''}-x`, namespace: 'shop', uid: `pod-${job.metadata.uid ?? ''}` },
          ownerReferences: [
            { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: job.metadata.uid ?? '', controller: true },
          ],
        },
      });
      const items = kind === 'Pod' ? [pod(0), pod(1), ...[...jobs.values()].map(podOf)] : [...jobs.values()];
      return Promise.resolve({ items, resourceVersion: '1' });
    },
    create: (object) => {
      const name = object.metadata.name ?? '';
      const status = { conditions: [{ type: isGood ? 'Complete' : 'Failed', status: 'True', reason: '' }] };
      const metadata = { ...object.metadata, uid: `uid-${name}`, creationTimestamp: new Date().toISOString() };
      const job = { ...object, metadata, status };
      jobs.set(name, job);
      made.push(name);
      return Promise.resolve(job);
    },
    delete: ({ name }) => {
      jobs.delete(name);
      return Promise.resolve();
    },
    logs: ({ name }) => {
      const job = jobs.get(name.replace(/-x$/, ''));
      return Promise.resolve(job ? said(name, givesOf(job)) : '');
    },
  };
  const census = { volumes: ['data'], uid: 1000650000, groups: [5000], group: 5000 as number | null };
  const run = (over: Partial<typeof census> = {}, replicas = 2) =>
    asyncLocalStorage.run(activityContext({ workflowExecution: { workflowId: 'scc/shop/move/u1', runId: 'r1' } }), () =>
      runCensus(client as KubeClient, {
        ...aWholeTarget(),
        ...{
          ref,
          kind: 'StatefulSet',
          strategy: 'Ordered',
          workload: 'ledger',
          workloadUid: 'w1',
          sourceSCC: 'anyuid',
          replicas,
        },
        census: { ...census, ...over },
      }),
    );
  return { run, made, jobs };
}

describe('the census of a StatefulSet', () => {
  it('looks at the data of each pod and changes nothing where all of it can be used', async () => {
    const { run, made, jobs } = world(() => FITS);
    await expect(run()).resolves.toMatchObject([
      {
        gate: 'census',
        verdict: 'pass',
        detail: expect.stringContaining('data of ledger-0: the migrated pods may use') as unknown,
      },
      { verdict: 'pass', detail: expect.stringContaining('ledger-1') as unknown },
    ]);
    expect(made.toSorted()).toEqual(['move-census-0-look-scc-gate', 'move-census-1-look-scc-gate']);
    expect(jobs.size).toBe(0);
  });

  it('lets the group use what it could not, and counts again', async () => {
    const { run, made, jobs } = world((job, gives) => (job.includes('-1-') && !gives ? OF_ROOT : FITS));
    const samples = await run();
    expect(samples.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
    expect(samples[1]?.detail).toBe(
      'data of ledger-1: group 5000 was let use them: 2 of 2 files could not be used, such as 2 files of 0:0 with mode 0600; now the migrated pods may use all of 2 files as their owners may',
    );
    expect(made.filter((name) => name.includes('give'))).toEqual(['move-census-1-give-scc-gate']);
    expect(jobs.size).toBe(0);
  });

  it('fails where a pod is missing, whose data nobody can look at', async () => {
    const { run, made } = world(() => FITS);
    await expect(run({}, 3)).resolves.toMatchObject([
      { verdict: 'fail', detail: expect.stringContaining('2 of 3 pods mount it now') as unknown },
    ]);
    expect(made).toEqual([]);
  });

  it.each([
    ['the files stay as they are', world(() => OF_ROOT), {}, 'after group 5000 was let use them'],
    ['it may only look', world(() => OF_ROOT), { group: null }, '2 of 2 files could not be used'],
    ['its Job fails', world(() => '', false), {}, 'it needs sh, id, find, stat'],
  ])('fails where %s', async (_case, { run, jobs }, over, detail) => {
    const samples = await run(over);
    expect(samples[0]).toMatchObject({ verdict: 'fail', detail: expect.stringContaining(detail) as unknown });
    expect(jobs.size).toBe(0);
  });
});
