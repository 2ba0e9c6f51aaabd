import type { KubeObject } from '@scc/kube';
import { ownPods } from './workload-pods.js';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const template = (image: string, hash?: string) => ({
  metadata: { labels: { app: 'web', ...(hash ? { 'pod-template-hash': hash } : {}) } },
  spec: { containers: [{ name: 'app', image }] },
});
const object = (kind: string, uid: string, over: object, owner?: string): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: {
    name: uid,
    namespace: 'shop',
    uid,
    ...(owner
      ? { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'X', name: owner, uid: owner, controller: true }] }
      : {}),
  },
  ...over,
});
const workload = object('Deployment', 'web', {
  spec: { selector: { matchLabels: { app: 'web' } }, template: template('web:2') },
});
const replicaSets = [
  object('ReplicaSet', 'old', { spec: { template: template('web:1', 'a') } }, 'web'),
  object('ReplicaSet', 'new', { spec: { template: template('web:2', 'b') } }, 'web'),
  object('ReplicaSet', 'other', { spec: { template: template('web:2', 'b') } }, 'web-next'),
];
const pod = (name: string, owner?: string, over: { status?: object; metadata?: object } = {}): KubeObject => {
  const made = object('Pod', name, { spec: {}, status: { phase: 'Running', ...over.status } }, owner);
  return { ...made, metadata: { ...made.metadata, ...over.metadata } };
};
const names = (pods: KubeObject[]) =>
  ownPods(workload, { replicaSets, pods }, NOW).pods.map(
    ({ name, isCurrent }) => `${name}${isCurrent ? '' : ' (old)'}`,
  );

describe('ownPods', () => {
  it.each<[string, KubeObject[], string[]]>([
    ['tells pods of the template from those of an older one', [pod('a', 'old'), pod('b', 'new')], ['a (old)', 'b']],
    ['leaves out a bare pod with the same labels', [pod('bare'), pod('b', 'new')], ['b']],
    ['leaves out a pod of another workload with the same labels', [pod('c', 'other'), pod('b', 'new')], ['b']],
    ['leaves out an evicted pod', [pod('e', 'old', { status: { phase: 'Failed', reason: 'Evicted' } })], []],
    ['leaves out a pod that has ended', [pod('e', 'old', { status: { phase: 'Succeeded' } })], []],
    [
      'keeps a pod on its way out, and not one that a lost node left behind',
      [
        pod('leaving', 'new', { metadata: { deletionTimestamp: '2026-01-01T12:00:10Z' } }),
        pod('lost', 'new', { metadata: { deletionTimestamp: '2026-01-01T11:50:00Z' } }),
      ],
      ['leaving'],
    ],
  ])('%s', (_case, pods, expected) => {
    expect(names(pods)).toEqual(expected);
  });

  it('takes a refusal from the ReplicaSet of the current template alone', () => {
    const failing = (uid: string, image: string, message: string) =>
      object(
        'ReplicaSet',
        uid,
        {
          spec: { template: template(image, uid) },
          status: { conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }] },
        },
        'web',
      );
    const refusalOf = (sets: KubeObject[]) => ownPods(workload, { replicaSets: sets, pods: [] }, NOW).refusal;
    expect(refusalOf([failing('old', 'web:1', 'of before')])).toBeNull();
    expect(refusalOf([failing('old', 'web:1', 'of before'), failing('new', 'web:2', 'quota')])).toBe('quota');
  });
});
