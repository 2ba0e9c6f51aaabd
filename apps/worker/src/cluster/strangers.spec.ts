import type { KubeClient, KubeObject } from '@scc/kube';
import { readNeighbourhood, strangersBehind } from './strangers.js';

const web = { app: 'web' };
const workload = (kind: string, name: string, labels: Record<string, string>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, uid: name },
  spec: { replicas: 0, template: { metadata: { labels }, spec: {} } },
});
const pod = (name: string, owner?: { kind: string; name: string }, phase = 'Running'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    uid: name,
    labels: web,
    ...(owner ? { ownerReferences: [{ apiVersion: 'apps/v1', uid: 'o', controller: true, ...owner }] } : {}),
  },
  spec: {},
  status: { phase },
});

describe('strangersBehind', () => {
  it.each<[string, KubeObject[], KubeObject[], string[]]>([
    ['its own workload and pods', [pod('own-pod')], [workload('Deployment', 'own', web)], []],
    ['a pod of its own life', [pod('bare')], [], ['pod bare']],
    ['a pod of a ReplicaSet', [pod('p', { kind: 'ReplicaSet', name: 'next-1' })], [], ['ReplicaSet next-1']],
    ['a pod that has ended', [pod('done', undefined, 'Succeeded')], [], []],
    ['a workload that is scaled to nothing', [], [workload('StatefulSet', 'next', web)], ['StatefulSet next']],
    [
      'a workload with pods, once',
      [pod('p', { kind: 'ReplicaSet', name: 'next-1' })],
      [workload('Deployment', 'next', web)],
      ['Deployment next'],
    ],
    [
      'a CronJob whose next run has its labels',
      [],
      [
        {
          ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'report', uid: 'report' } },
          spec: { jobTemplate: { spec: { template: { metadata: { labels: web }, spec: {} } } } },
        },
      ],
      ['CronJob report'],
    ],
    ['a workload of other labels', [], [workload('DaemonSet', 'agent', { app: 'agent' })], []],
  ])('%s', (_case, pods, workloads, expected) => {
    expect(strangersBehind(web, { pods, workloads }, new Set(['own', 'own-pod']))).toEqual(expected);
  });
});

describe('readNeighbourhood', () => {
  it('has of what makes pods all that may make one yet, each once', async () => {
    const owned = (uid: string) => ({
      ownerReferences: [{ apiVersion: 'x/v1', kind: 'x', name: uid, uid, controller: true }],
    });
    const of = (kind: string, name: string, over: { owner?: string; status?: object } = {}): KubeObject => ({
      ...workload(kind, name, web),
      metadata: { name, uid: name, ...(over.owner === undefined ? {} : owned(over.owner)) },
      ...(over.status ? { status: over.status } : {}),
    });
    const there = [
      of('Deployment', 'web'),
      of('ReplicaSet', 'web-1', { owner: 'web' }),
      of('ReplicaSet', 'bare'),
      of('DeploymentConfig', 'legacy'),
      of('ReplicationController', 'legacy-1', { owner: 'legacy' }),
      of('Job', 'done', { status: { completionTime: '2026-01-01T00:00:00Z' } }),
      of('Job', 'import'),
    ];
    const list: KubeClient['list'] = ({ kind }) =>
      Promise.resolve({ items: there.filter((one) => one.kind === kind), resourceVersion: '1' });
    const { workloads } = await readNeighbourhood({ list }, 'shop');
    const names = workloads.map(({ metadata }) => metadata.name);
    expect(names.toSorted()).toEqual(['bare', 'import', 'legacy', 'web']);
  });
});
