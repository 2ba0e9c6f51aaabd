import { describe, expect, it } from '@jest/globals';
import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import { KubeError } from '@scc/kube';
import { sidesOf } from './read.js';

const owned = (name: string, owner: string, over: object = {}) => ({
  metadata: {
    name,
    uid: name,
    namespace: 'shop',
    ownerReferences: [{ apiVersion: 'v1', kind: 'Any', name: owner, uid: owner }],
    ...over,
  },
});
const pod = (name: string, owner: string, isReady: boolean) => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  ...owned(name, owner, { labels: { 'controller-revision-hash': '1' } }),
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
});

/** A cluster of these objects, which serves no other kind under an API version than those that it has. */
const clusterOf = (objects: readonly KubeObject[]): KubeClient => {
  const find = ({ apiVersion, kind }: Pick<ObjectId, 'apiVersion' | 'kind'>) =>
    objects.filter((one) => one.apiVersion === apiVersion && one.kind === kind);
  const parts: Pick<KubeClient, 'get' | 'list'> = {
    get: (id) => {
      const served = find(id);
      if (served.length === 0) return Promise.reject(new KubeError(404, { reason: 'KindNotServed', message: id.kind }));
      return Promise.resolve(served.find(({ metadata }) => metadata.name === id.name));
    },
    list: (kind) => Promise.resolve({ items: find(kind), resourceVersion: '1' }),
  };
  return parts as KubeClient;
};

describe('the sides of a migration', () => {
  it('have as many pods as a DaemonSet has nodes', async () => {
    const set = {
      ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'agent', uid: 'agent', namespace: 'shop' } },
      ...{ spec: {}, status: { desiredNumberScheduled: 2, numberReady: 1 } },
    };
    const kube = clusterOf([set, pod('agent-a', 'agent', true), pod('agent-b', 'agent', false)]);
    const [side] = await sidesOf(kube, 'shop', { kind: 'DaemonSet', name: 'agent' });
    expect(side).toMatchObject({ name: 'DaemonSet agent', role: 'workload', wanted: 2, ready: 1 });
    expect(side?.groups.map(({ name, pods }) => [name, pods.length])).toEqual([['revision 1', 2]]);
  });

  it('are the runs of a CronJob, by their Jobs', async () => {
    const job = { apiVersion: 'batch/v1', kind: 'Job', ...owned('report-1', 'report') };
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'report', uid: 'report' }, spec: {} };
    const kube = clusterOf([cronJob, job, pod('report-1-a', 'report-1', true), pod('other', 'another', true)]);
    const [side] = await sidesOf(kube, 'shop', { kind: 'CronJob', name: 'report' });
    expect(side).toMatchObject({ name: 'CronJob report', wanted: 1, ready: 1 });
    expect(side?.groups.map(({ name, pods }) => [name, pods.length])).toEqual([['Job report-1', 1]]);
  });

  it('are none of a workload that is gone', async () => {
    expect(await sidesOf(clusterOf([]), 'shop', { kind: 'StatefulSet', name: 'db' })).toEqual([]);
  });
});
