import type { KubeObject } from '@scc/kube';
import { strangersBehind } from './strangers.js';

const web = { app: 'web' };
const workload = (kind: string, name: string, labels: Record<string, string>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, uid: name },
  spec: { replicas: 0, template: { metadata: { labels } } },
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
    ['a workload of other labels', [], [workload('DaemonSet', 'agent', { app: 'agent' })], []],
  ])('%s', (_case, pods, workloads, expected) => {
    expect(strangersBehind(web, { pods, workloads }, new Set(['own', 'own-pod']))).toEqual(expected);
  });
});
