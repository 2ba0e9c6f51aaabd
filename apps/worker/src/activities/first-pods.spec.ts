import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import { aWholeTarget } from '@scc/migration/testing';
import { contextOf } from './context.fixture.js';
import { firstPodsActivities } from './first-pods.js';

const after = { metadata: { labels: { app: 'ledger' } }, spec: { containers: [] } };
const before = { metadata: {}, spec: { containers: [] } };
const target = {
  ...aWholeTarget(),
  ...{ kind: 'StatefulSet' as const, strategy: 'NextRun' as const, replicas: 0 },
  ...{ templateBefore: before, templateAfter: after },
};
const kubeError = () => Promise.reject(new Error('not asked here'));

const aSet = (replicas: number, template: object = after): KubeObject => ({
  ...{ apiVersion: 'apps/v1', kind: 'StatefulSet' },
  metadata: { name: target.workload, namespace: target.ref.namespace, uid: target.workloadUid, generation: 1 },
  spec: { replicas, selector: { matchLabels: { app: 'ledger' } }, template },
  status: { observedGeneration: 1, replicas, availableReplicas: replicas, updateRevision: 'new' },
});
const aPod = ({ scc = target.targetSCC, ready = true } = {}): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: {
    ...{ name: `${target.workload}-0`, uid: 'p0', annotations: { 'openshift.io/scc': scc } },
    labels: { app: 'ledger', 'controller-revision-hash': 'new' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'x', uid: target.workloadUid, controller: true },
    ],
  },
  spec: { nodeName: 'n' },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    containerStatuses: [{ name: 'app', ready, restartCount: 0, state: { running: {} } }],
  },
});

/** A cluster that is looked at one time after the other; the last look stays. */
function aCluster(looks: { replicas: number; pods?: KubeObject[]; template?: object }[], log = '') {
  let at = -1;
  const patches: unknown[] = [];
  const seen = () => looks[Math.min(Math.max(at, 0), looks.length - 1)] ?? { replicas: 0 };
  const kube: Partial<KubeClient> = {
    get: () => {
      at++;
      return Promise.resolve(aSet(seen().replicas, seen().template));
    },
    list: () => Promise.resolve({ items: seen().pods ?? [], resourceVersion: '' }),
    logs: () => Promise.resolve(log),
    patch: (_id: unknown, { body }: { body: unknown }) => {
      patches.push(body);
      return Promise.resolve(aSet(0));
    },
  };
  const { migrateWorkload, awaitRun } = firstPodsActivities(kube as KubeClient, () => ({ awaitStable: kubeError }));
  const ago = (ms: number): number => Date.now() - ms;
  return {
    patches,
    migrate: () => asyncLocalStorage.run(contextOf(), () => migrateWorkload(target)),
    wait: ({ untilMs = ago(0) + 60_000, readyMs = 0 } = {}) =>
      asyncLocalStorage.run(contextOf(), () => awaitRun(target, { sinceMs: null, untilMs, readyMs })),
  };
}

describe('the template of a workload without pods', () => {
  it('changes only while it wants none', async () => {
    const idle = aCluster([{ replicas: 0, template: before }]);
    await idle.migrate();
    expect(idle.patches).toEqual([
      expect.arrayContaining([
        { op: 'test', path: '/spec/replicas', value: 0 },
        { op: 'replace', path: '/spec/template', value: after },
      ]) as unknown,
    ]);
    const started = aCluster([{ replicas: 2, template: before }]);
    await expect(started.migrate()).rejects.toMatchObject({ type: 'WorkloadChanged' });
    expect(started.patches).toEqual([]);
  });

  it('is left as it is where it has changed already', async () => {
    const { patches, migrate } = aCluster([{ replicas: 3 }]);
    await migrate();
    expect(patches).toEqual([]);
  });
});

describe('the first pods of a workload', () => {
  it('are judged when all of them are ready under the target', async () => {
    const { wait } = aCluster([{ replicas: 0 }, { replicas: 1 }, { replicas: 1, pods: [aPod()] }]);
    expect(await wait({ readyMs: 60_000 })).toMatchObject({
      pods: [{ name: `${target.workload}-0`, scc: target.targetSCC }],
      samples: [{ gate: 'first-pods', verdict: 'pass' }],
    });
  });

  it('are said not to be there when the time is over and none was wanted', async () => {
    expect(await aCluster([{ replicas: 0 }]).wait({ untilMs: 0 })).toMatchObject({
      pods: [],
      samples: [
        { gate: 'first-pods', verdict: 'noData', detail: expect.stringContaining('was to be started') as unknown },
      ],
    });
  });

  it('count as none again when the workload is scaled down before they are ready', async () => {
    const { wait } = aCluster([{ replicas: 1 }, { replicas: 0 }]);
    expect(await wait({ untilMs: Date.now() + 100, readyMs: 60_000 })).toMatchObject({ pods: [] });
  });

  it.each<[string, Parameters<typeof aCluster>, string, RegExp]>([
    [
      'under another SCC',
      [[{ replicas: 1, pods: [aPod({ scc: 'anyuid' })] }]],
      'AdmissionRefused',
      /runs under anyuid/,
    ],
    ['that are not ready in time', [[{ replicas: 1, pods: [aPod({ ready: false })] }]], 'RolloutFailed', /not ready/],
    ['that never come', [[{ replicas: 1 }]], 'RolloutFailed', /is not there yet/],
    ['whose log says EACCES', [[{ replicas: 1, pods: [aPod()] }], 'EACCES: /data'], 'GateFailed', /./],
    ['of another template', [[{ replicas: 0, template: before }]], 'WorkloadChanged', /another client/],
  ])('end the wait when they are there %s', async (_case, cluster, type, message) => {
    await expect(aCluster(...cluster).wait()).rejects.toMatchObject({
      ...{ type, message: expect.stringMatching(message) as unknown },
    });
  });
});
