import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import { preImageKeyOf } from '../cluster/objects.js';
import { STOPPED_ANNOTATION } from '@scc/plan';
import { aWholeTarget } from '@scc/migration/testing';
import { activityContext } from '@scc/testing/activity-context';
import { lookAtOwners, ownersActivities } from './owners.js';
import { orderedActivities } from './ordered.js';
import { stoppedActivities } from './stopped.js';

const ref = { namespace: 'shop', name: 'move', uid: 'u1' };
const labels = { app: 'ledger' };
const templateOf = (image: string) => ({
  metadata: { labels },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'db', image, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
  },
});
const [BEFORE, AFTER] = [templateOf('db:before'), templateOf('db:after')];
const owners = { volumes: ['data'], from: 999, to: 1000650000, groups: [] };
const target = {
  ...aWholeTarget(),
  ...{ ref, kind: 'StatefulSet' as const, strategy: 'Ordered' as const, workload: 'ledger', workloadUid: 'w1' },
  ...{ replicas: 2, sourceSCC: 'anyuid', templateBefore: BEFORE, templateAfter: AFTER, owners },
};

type Operation = { op: string; path: string; value?: unknown };
/** Of the realm of the test, as what the client parses is of the worker's. */
const copyOf = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T));
class Killed extends Error {}

/**
 * A namespace whose controllers work at once: pods follow the number of replicas, and Jobs give files away. Each claim
 * has files, and each file an owner.
 */
function world() {
  const set = {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet' },
    metadata: { name: 'ledger', namespace: 'shop', uid: 'w1', annotations: { team: 'a' } as Record<string, string> },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: BEFORE },
  };
  const files: Record<string, Record<string, number>> = {
    'data-ledger-0': { journal: 999, index: 999 },
    'data-ledger-1': { journal: 999, root: 0 },
  };
  const jobs = new Map<string, KubeObject>();
  let writes = 0;
  let dieAt = Infinity;
  /** Of the API: the write was made, and the worker that made it is gone. */
  const written = <T>(result: T): Promise<T> =>
    ++writes === dieAt ? Promise.reject(new Killed('the worker is gone')) : Promise.resolve(result);
  const podOf = (ordinal: number): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ name: `ledger-${ordinal}`, namespace: 'shop', uid: `p${ordinal}`, labels },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ledger', uid: 'w1', controller: true }],
    },
    spec: {
      ...BEFORE.spec,
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `data-ledger-${ordinal}` } }],
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const pods = (): KubeObject[] => Array.from({ length: set.spec.replicas }, (_none, index) => podOf(index));
  const claimOf = (job: KubeObject): string => /"claimName":"([^"]+)"/.exec(JSON.stringify(job))?.[1] ?? '';
  const runJob = (job: KubeObject): void => {
    const [, from, to] = /-user (\d+) -exec chown -h (\d+)/.exec(JSON.stringify(job)) ?? [];
    if (from !== undefined && set.spec.replicas > 0) throw new Error('files change their owner under a pod that runs');
    for (const [name, uid] of Object.entries(files[claimOf(job)] ?? {}))
      if (String(uid) === from) files[claimOf(job)]![name] = Number(to);
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
    get: ({ kind, name }) =>
      Promise.resolve(
        copyOf(
          kind === 'StatefulSet'
            ? set
            : kind === 'Job'
              ? jobs.get(name)
              : pods().find((one) => one.metadata.name === name),
        ),
      ),
    list: ({ kind }) => {
      const ofJobs = [...jobs.values()].map((job): KubeObject => ({
        ...{ apiVersion: 'v1', kind: 'Pod', spec: {}, status: { phase: 'Succeeded' } },
        metadata: {
          ...{ name: `${job.metadata.name ?? ''}-x`, namespace: 'shop', uid: `pod-${job.metadata.uid ?? ''}` },
          ownerReferences: [
            { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: job.metadata.uid ?? '', controller: true },
          ],
        },
      }));
      const items = kind === 'Pod' ? [...pods(), ...ofJobs] : kind === 'Job' ? [...jobs.values()] : [];
      return Promise.resolve({ items, resourceVersion: '1' });
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
  const act = { ...stoppedActivities(kube, orderedActivities(kube)), ...ownersActivities(kube) };
  const images = [
    {
      key: preImageKeyOf({ apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: 'shop', name: 'ledger' }),
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
    ...{ act, kube, set, files, jobs, forward, back, inActivity },
    dieAtWrite: (at: number) => void ([dieAt, writes] = [at, 0]),
    writesOf: () => writes,
  };
}

const GIVEN = {
  'data-ledger-0': { journal: 1000650000, index: 1000650000 },
  'data-ledger-1': { journal: 1000650000, root: 0 },
};

describe('a change of owners while a StatefulSet is stopped', () => {
  it('gives the files of its user away, and starts it with the new template', async () => {
    const { forward, files, set, jobs, act, inActivity } = world();
    await expect(forward()).resolves.toEqual({
      ...{ from: 999, to: 1000650000, files: 3 },
      claims: ['data-ledger-0', 'data-ledger-1'],
    });
    expect(files).toEqual(GIVEN);
    expect([set.spec.replicas, set.spec.template, jobs.size]).toEqual([2, AFTER, 0]);
    expect(set.metadata.annotations).toHaveProperty([STOPPED_ANNOTATION]);
    await inActivity(() => act.forgetOwners(target));
    expect(set.metadata.annotations).toEqual({ team: 'a' });
  });

  it('is taken back with everything that was written since', async () => {
    const { forward, back, files, set, jobs } = world();
    const before = copyOf({ set, files });
    await forward();
    files['data-ledger-0']!['since'] = 1000650000;
    await expect(back()).resolves.toEqual([]);
    expect(files['data-ledger-0']).toEqual({ journal: 999, index: 999, since: 999 });
    expect(set).toEqual(before.set);
    expect(jobs.size).toBe(0);
  });

  it.each(Array.from({ length: 8 }, (_none, index) => index + 1))(
    'completes, and is taken back, where the worker dies after its write %d',
    async (at) => {
      const { forward, back, files, set, jobs, dieAtWrite } = world();
      const before = copyOf({ set, files });
      dieAtWrite(at);
      await forward();
      expect([files, set.spec.replicas, set.spec.template]).toEqual([GIVEN, 2, AFTER]);
      dieAtWrite(at);
      await expect(back()).resolves.toEqual([]);
      expect({ set, files }).toEqual(before);
      expect(jobs.size).toBe(0);
    },
  );

  it('touches no file, and starts it again, where the new user has files already', async () => {
    const { act, back, files, set, inActivity } = world();
    files['data-ledger-1']!['alien'] = 1000650000;
    const before = copyOf({ set, files });
    await inActivity(() => act.stopWorkload(target));
    await expect(inActivity(() => act.changeOwners(target))).rejects.toThrow('are there already');
    expect(files).toEqual(before.files);
    await expect(back()).resolves.toEqual([]);
    expect({ set, files }).toEqual(before);
  });

  it('ends where another client scales it up meanwhile, and gives everything back', async () => {
    const { act, back, files, set, inActivity } = world();
    const before = copyOf({ set, files });
    await inActivity(() => act.stopWorkload(target));
    await inActivity(() => act.changeOwners(target));
    set.spec.replicas = 1;
    await expect(inActivity(() => act.migrateWorkload(target))).rejects.toThrow('scaled ledger up');
    await expect(back()).resolves.toEqual([]);
    expect({ set, files }).toEqual(before);
  });

  it('stops nothing that was scaled, or marked by another plan, since it was judged', async () => {
    const { act, set, inActivity } = world();
    set.spec.replicas = 3;
    await expect(inActivity(() => act.stopWorkload(target))).rejects.toThrow('scaled to 3');
    set.spec.replicas = 2;
    set.metadata.annotations[STOPPED_ANNOTATION] = '{"plan":"u2","replicas":2}';
    await expect(inActivity(() => act.stopWorkload(target))).rejects.toThrow('by another plan');
    expect(set.spec.replicas).toBe(2);
  });

  it('looks before it stops anything whether all of it can be done', async () => {
    const { kube, files, set, inActivity } = world();
    await expect(inActivity(() => lookAtOwners(kube, target))).resolves.toMatchObject([
      {
        gate: 'owners',
        verdict: 'pass',
        detail: 'data of ledger-0: 2 files of user 999 can be given to user 1000650000, and back',
      },
      { verdict: 'pass' },
    ]);
    files['data-ledger-0']!['alien'] = 1000650000;
    await expect(inActivity(() => lookAtOwners(kube, target))).resolves.toMatchObject([
      { verdict: 'fail', detail: expect.stringContaining('are there already') as unknown },
      { verdict: 'pass' },
    ]);
    set.spec.replicas = 1;
    await expect(inActivity(() => lookAtOwners(kube, target))).resolves.toMatchObject([{ verdict: 'fail' }]);
  });
});
