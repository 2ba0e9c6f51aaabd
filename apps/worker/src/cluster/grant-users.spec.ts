import type { KubeObject } from '@scc/kube';
import { grantUserAmong } from './grant-users.js';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const use = { workloadUid: 'web', serviceAccount: 'web', scc: 'anyuid' };
const ownedBy = (uid?: string) =>
  uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'x/v1', kind: 'x', name: uid, uid, controller: true }] };
const pod = (
  name: string,
  scc: string,
  over: { account?: string; phase?: string; owner?: string } = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: name, annotations: { 'openshift.io/scc': scc }, ...ownedBy(over.owner) },
  spec: { serviceAccountName: over.account ?? 'web' },
  status: { phase: over.phase ?? 'Running' },
});
const maker = (kind: string, name: string, spec: object, owner?: string): KubeObject => ({
  apiVersion: 'x/v1',
  kind,
  metadata: { name, namespace: 'shop', uid: name, ...ownedBy(owner) },
  spec,
});
const template = (account: string, annotations: Record<string, string> = {}) => ({
  metadata: { annotations },
  spec: { serviceAccountName: account },
});
const cronJob = (account: string, annotations?: Record<string, string>) =>
  maker('CronJob', 'report', { jobTemplate: { spec: { template: template(account, annotations) } } });

describe('grantUserAmong', () => {
  it.each<[string, { pods?: KubeObject[]; makers?: KubeObject[] }, string | null]>([
    [
      'finds none where the workload was alone',
      { makers: [maker('Deployment', 'web', { template: template('web') })] },
      null,
    ],
    ['finds a pod that runs under the SCC', { pods: [pod('job-1', 'anyuid')] }, 'pod job-1'],
    ['does not count a pod of another ServiceAccount', { pods: [pod('x', 'anyuid', { account: 'other' })] }, null],
    ['does not count a pod that was evicted', { pods: [pod('x', 'anyuid', { phase: 'Failed' })] }, null],
    ['finds a CronJob that has no pod now', { makers: [cronJob('web')] }, 'CronJob report'],
    [
      'finds a Deployment scaled to zero',
      { makers: [maker('Deployment', 'idle', { replicas: 0, template: template('web') })] },
      'Deployment idle',
    ],
    [
      'passes over a template that is pinned to another SCC',
      { makers: [cronJob('web', { 'openshift.io/required-scc': 'restricted-v2' })] },
      null,
    ],
    [
      'finds a Job that makes its next pod later',
      { makers: [maker('Job', 'import', { template: template('web') })] },
      'Job import',
    ],
    [
      'passes over a Job that has failed for good',
      {
        makers: [
          {
            ...maker('Job', 'import', { template: template('web') }),
            status: { conditions: [{ type: 'Failed', status: 'True' }] },
          },
        ],
      },
      null,
    ],
    ['passes over a CronJob of another ServiceAccount', { makers: [cronJob('other')] }, null],
    [
      'passes over a workload whose pods run under another SCC',
      {
        makers: [
          maker('Deployment', 'api', { template: template('web') }),
          maker('ReplicaSet', 'api-7f', { template: template('web') }, 'api'),
          maker('ReplicaSet', 'api-of-before', { replicas: 0, template: template('web') }, 'api'),
        ],
        pods: [pod('api-1', 'restricted-v2', { owner: 'api-7f' })],
      },
      null,
    ],
    [
      'does not take the pods of a workload with a longer name for those of one that is scaled to zero',
      {
        makers: [
          maker('Deployment', 'idle', { replicas: 0, template: template('web') }),
          maker('Deployment', 'idle-api', { template: template('web') }),
          maker('ReplicaSet', 'idle-api-7f', { template: template('web') }, 'idle-api'),
        ],
        pods: [pod('idle-api-7f-1', 'restricted-v2', { owner: 'idle-api-7f' })],
      },
      'Deployment idle',
    ],
    ...['ReplicaSet', 'ReplicationController', 'DeploymentConfig', 'Rollout', 'Service'].map(
      (kind): [string, { makers: KubeObject[] }, string] => [
        `finds a ${kind} that has no pod now`,
        { makers: [maker(kind, 'legacy', { template: template('web') })] },
        `${kind} legacy`,
      ],
    ),
    [
      'counts a template in a form that it does not know',
      { makers: [maker('Rollout', 'odd', { template: { spec: 'x' } })] },
      'Rollout odd',
    ],
    [
      'ends with owners that own each other',
      {
        makers: [
          maker('ReplicaSet', 'a', { template: template('other') }, 'b'),
          maker('ReplicaSet', 'b', { template: template('other') }, 'a'),
        ],
        pods: [pod('p', 'restricted-v2', { owner: 'a' })],
      },
      null,
    ],
  ])('%s', (_case, { pods = [], makers = [] }, expected) => {
    expect(grantUserAmong({ pods, makers }, use, NOW)).toBe(expected);
  });
});
