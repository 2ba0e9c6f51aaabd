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
function worldOf(
  said: (job: string, gives: boolean) => string,
  { workload, pods, isGood = true }: { workload: KubeObject; pods: KubeObject[]; isGood?: boolean },
) {
  const jobs = new Map<string, KubeObject>();
  const made: string[] = [];
  const givesOf = (job: KubeObject) => JSON.stringify(job).includes('chgrp 5000');
  const client: Partial<KubeClient> = {
    get: ({ kind, name }) =>
      Promise.resolve(
        kind === workload.kind
          ? workload
          : kind === 'Job'
            ? jobs.get(name)
            : pods.find((one) => one.metadata.name === name),
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
      const items = kind === 'Pod' ? [...pods, ...[...jobs.values()].map(podOf)] : [...jobs.values()];
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
  return { client: client as KubeClient, made, jobs };
}

const runIn = (client: KubeClient, over: Partial<Parameters<typeof runCensus>[1]>) =>
  asyncLocalStorage.run(activityContext({ workflowExecution: { workflowId: 'scc/shop/move/u1', runId: 'r1' } }), () =>
    runCensus(client, {
      ...aWholeTarget(),
      ...{ ref, workload: 'ledger', workloadUid: 'w1', sourceSCC: 'anyuid' },
      ...over,
    }),
  );

function world(said: (job: string, gives: boolean) => string, isGood = true) {
  const { client, made, jobs } = worldOf(said, { workload: set, pods: [0, 1].map(pod), isGood });
  const census = { volumes: ['data'], uid: 1000650000, groups: [5000], group: 5000 as number | null };
  const run = (over: Partial<typeof census> = {}, replicas = 2) =>
    runIn(client, { ...{ kind: 'StatefulSet', strategy: 'Ordered', replicas }, census: { ...census, ...over } });
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

describe('the census of a DaemonSet', () => {
  const daemons = { ...set, kind: 'DaemonSet' };
  const podOn = (node: string): KubeObject => ({
    ...pod(0),
    metadata: {
      ...{ name: `agent-${node}`, namespace: 'shop', uid: `p-${node}`, labels },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'ledger', uid: 'w1', controller: true }],
    },
    spec: {
      nodeName: node,
      volumes: [
        { name: 'shared', persistentVolumeClaim: { claimName: 'files' } },
        { name: 'state', hostPath: { path: '/var/lib/agent' } },
      ],
      containers: [
        {
          ...{ name: 'agent', image: 'agent:1' },
          volumeMounts: [
            { name: 'shared', mountPath: '/srv' },
            { name: 'state', mountPath: '/state' },
          ],
        },
      ],
    },
  });
  const run = async (over: { hostPaths?: string[] }) => {
    const { client, made, jobs } = worldOf(() => FITS, { workload: daemons, pods: ['a', 'b'].map(podOn) });
    const samples = await runIn(client, {
      ...{ kind: 'DaemonSet' as const, strategy: 'PerNode' as const, replicas: 2 },
      census: { volumes: ['files'], uid: 1000650000, groups: [5000], group: null, ...over },
    });
    return { samples, made: made.toSorted(), jobs };
  };

  it('looks at the claims that all of its pods mount beside one of them', async () => {
    const { samples, made } = await run({});
    expect(samples).toMatchObject([{ verdict: 'pass', detail: expect.stringContaining('agent-a') as unknown }]);
    expect(made).toEqual(['move-census-agent-a-look-scc-gate']);
  });

  it('looks at the folders of each node, and names its Jobs by the pods', async () => {
    const { samples, made, jobs } = await run({ hostPaths: ['state'] });
    expect(samples.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
    expect(made).toEqual(['move-census-agent-a-look-scc-gate', 'move-census-agent-b-look-scc-gate']);
    expect(jobs.size).toBe(0);
  });
});
