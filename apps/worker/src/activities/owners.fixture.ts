import { expect } from '@jest/globals';
import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import { preImageKeyOf } from '../cluster/objects.js';
import { aWholeTarget } from '@scc/migration/testing';
import { activityContext } from '@scc/testing/activity-context';
import { ownersActivities } from './owners.js';
import { orderedActivities } from './ordered.js';
import { rollingActivities } from './rolling.js';
import { stoppedActivities } from './stopped.js';

/** Workloads that are stopped while the owners of their data change, in a namespace whose controllers work at once. */

const ref = { namespace: 'shop', name: 'move', uid: 'u1' };
const labels = { app: 'ledger' };
type StoppedKind = 'StatefulSet' | 'Deployment';
/** Of a Deployment the template names the claim, which all of its pods mount. */
const volumesIn = (kind: StoppedKind) =>
  kind === 'Deployment' ? { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'files' } }] } : {};
const templateOf = (kind: StoppedKind, image: string) => ({
  metadata: { labels },
  spec: {
    ...{ terminationGracePeriodSeconds: 0, ...volumesIn(kind) },
    containers: [{ name: 'db', image, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
  },
});
const PACE = { strategy: { type: 'RollingUpdate' }, minReadySeconds: 0, progressDeadlineSeconds: null };

function targetOf(kind: StoppedKind) {
  const owners = { volumes: [kind === 'Deployment' ? 'files' : 'data'], from: 999, to: 1000650000, groups: [] };
  return {
    ...aWholeTarget(),
    ...{ ref, kind, strategy: kind === 'Deployment' ? ('Rolling' as const) : ('Ordered' as const), owners },
    ...{ workload: 'ledger', workloadUid: 'w1', replicas: 2, sourceSCC: 'anyuid' },
    ...{ templateBefore: templateOf(kind, 'db:before'), templateAfter: templateOf(kind, 'db:after') },
    ...(kind === 'Deployment' ? { pace: { own: PACE, held: PACE } } : {}),
  };
}

const FILES: Record<StoppedKind, () => Record<string, Record<string, number>>> = {
  StatefulSet: () => ({
    'data-ledger-0': { journal: 999, index: 999 },
    'data-ledger-1': { journal: 999, root: 0 },
  }),
  Deployment: () => ({ files: { journal: 999, index: 999, log: 999, root: 0 } }),
};

type Operation = { op: string; path: string; value?: unknown };
/** Of the realm of the test, as what the client parses is of the worker's. */
export const copyOf = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T));
class Killed extends Error {}

/**
 * A namespace whose controllers work at once: pods follow the number of replicas, and Jobs give files away. Each claim
 * has files, and each file an owner.
 */
export function stoppedWorld(kind: StoppedKind) {
  const target = targetOf(kind);
  const before = target.templateBefore;
  const set = {
    ...{ apiVersion: 'apps/v1', kind },
    metadata: { name: 'ledger', namespace: 'shop', uid: 'w1', annotations: { team: 'a' } as Record<string, string> },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: before },
  };
  const files = FILES[kind]();
  const jobs = new Map<string, KubeObject>();
  let writes = 0;
  let dieAt = Infinity;
  /** Of the API: the write was made, and the worker that made it is gone. */
  const written = <T>(result: T): Promise<T> =>
    ++writes === dieAt ? Promise.reject(new Killed('the worker is gone')) : Promise.resolve(result);
  const owner = { apiVersion: 'apps/v1', kind, name: 'ledger', uid: 'w1', controller: true };
  const replicaSet: KubeObject = {
    ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', spec: { replicas: 2, template: before } },
    metadata: { name: 'ledger-a', namespace: 'shop', uid: 'rs1', ownerReferences: [owner] },
  };
  /** An evicted pod stays where a Deployment is stopped. */
  const evicted = (): KubeObject[] =>
    kind === 'Deployment' ? [{ ...podOf(9), status: { phase: 'Failed', reason: 'Evicted' } }] : [];
  const podOf = (ordinal: number): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ name: `ledger-${ordinal}`, namespace: 'shop', uid: `p${ordinal}`, labels },
      ownerReferences: [{ ...owner, uid: kind === 'Deployment' ? 'rs1' : 'w1' }],
    },
    spec: {
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `data-ledger-${ordinal}` } }],
      ...before.spec,
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const pods = (): KubeObject[] => Array.from({ length: set.spec.replicas }, (_none, index) => podOf(index));
  const claimOf = (job: KubeObject): string => /"claimName":"([^"]+)"/.exec(JSON.stringify(job))?.[1] ?? '';
  const runJob = (job: KubeObject): void => {
    const [, from, to] = /-user (\d+) -exec chown -h (\d+)/.exec(JSON.stringify(job)) ?? [];
    if (from !== undefined && set.spec.replicas > 0) throw new Error('files change their owner under a pod that runs');
    const own = files[claimOf(job)] ?? {};
    for (const [name, uid] of Object.entries(own)) if (String(uid) === from) own[name] = Number(to);
  };
  const valueAt = (path: string): unknown =>
    path
      .split('/')
      .slice(1)
      .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key.replace('~1', '/')], set);
  const write = ({ op, path, value }: Operation): void => {
    const keys = path.split('/').slice(1);
    const last = (keys.at(-1) ?? '').replace('~1', '/');
    const into = valueAt(`/${keys.slice(0, -1).join('/')}`) as Record<string, unknown>;
    if (op === 'remove') Reflect.deleteProperty(into, last);
    else into[last] = value;
  };
  const client: Partial<KubeClient> = {
    get: ({ kind: asked, name }) =>
      Promise.resolve(
        copyOf(
          asked === kind ? set : asked === 'Job' ? jobs.get(name) : pods().find((one) => one.metadata.name === name),
        ),
      ),
    list: ({ kind: asked }) => {
      const ofJobs = [...jobs.values()].map((job): KubeObject => ({
        ...{ apiVersion: 'v1', kind: 'Pod', spec: {}, status: { phase: 'Succeeded' } },
        metadata: {
          ...{ name: `${job.metadata.name ?? ''}-x`, namespace: 'shop', uid: `pod-${job.metadata.uid ?? ''}` },
          ownerReferences: [
            { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: job.metadata.uid ?? '', controller: true },
          ],
        },
      }));
      const items: Record<string, KubeObject[]> = {
        Pod: [...pods(), ...evicted(), ...ofJobs],
        Job: [...jobs.values()],
        ReplicaSet: kind === 'Deployment' ? [replicaSet] : [],
      };
      return Promise.resolve({ items: items[asked] ?? [], resourceVersion: '1' });
    },
    create: (object) => {
      const name = object.metadata.name ?? '';
      const metadata = { ...object.metadata, uid: `uid-${name}`, creationTimestamp: new Date().toISOString() };
      const job = { ...object, metadata, status: { conditions: [{ type: 'Complete', status: 'True' }] } };
      jobs.set(name, job);
      runJob(job);
      return written(job);
    },
    delete: ({ name }) => {
      jobs.delete(name);
      return Promise.resolve();
    },
    patch: (_id, { body }) => {
      const operations = body as Operation[];
      for (const { op, path, value } of operations)
        if (op === 'test') expect({ path, value: valueAt(path) }).toEqual({ path, value });
      for (const one of operations) if (one.op !== 'test') write(one);
      return written(set as KubeObject);
    },
    logs: ({ name }) => {
      const job = jobs.get(name.replace(/-x$/, ''));
      const lines = Object.values(files[job ? claimOf(job) : ''] ?? {}).map(
        (uid) => ` 1 ${uid}:${uid}:644:regular file`,
      );
      return Promise.resolve([...lines, 'census: done'].join('\n'));
    },
  };
  const kube = client as KubeClient;
  const kept = kind === 'Deployment' ? rollingActivities(kube) : orderedActivities(kube);
  const act = { ...stoppedActivities(kube, kept), ...ownersActivities(kube) };
  const images = [
    {
      key: preImageKeyOf({ apiVersion: 'apps/v1', kind, namespace: 'shop', name: 'ledger' }),
      manifest: copyOf(set) as Record<string, unknown>,
    },
  ];
  const inActivity = <T>(work: () => Promise<T>): Promise<T> =>
    asyncLocalStorage.run(
      activityContext({ workflowExecution: { workflowId: 'scc/shop/move/u1', runId: 'r1' } }),
      work,
    );
  /** Again after each death, as Temporal does. */
  const untilDone = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;)
      try {
        return await inActivity(work);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
  };
  const forward = async () => {
    await untilDone(() => act.stopWorkload(target));
    const changed = await untilDone(() => act.changeOwners(target));
    await untilDone(() => act.migrateWorkload(target));
    return changed;
  };
  const back = async () => {
    await untilDone(() => act.restoreOwners(target));
    return untilDone(() => act.restoreWorkload(target, images));
  };
  return {
    ...{ act, kube, set, files, jobs, forward, back, inActivity, target },
    dieAtWrite: (at: number) => void ([dieAt, writes] = [at, 0]),
    writesOf: () => writes,
  };
}
