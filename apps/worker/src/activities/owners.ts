import type { KubeClient, KubeObject } from '@scc/kube';
import { FIELD_MANAGER, gateJobName, type GateSample } from '@scc/plan';
import type { ChangedOwners, MigrationTarget, OwnersTask } from '@scc/migration/contract';
import { CENSUS_LOG } from '../cluster/census.js';
import { endOfGateJob } from '../cluster/gate-jobs.js';
import { podsOfStatefulSet, replicasOf } from '../cluster/ordinals.js';
import {
  isMarkedByOthers,
  judgeAfter,
  judgeBefore,
  notePatch,
  type OwnersAct,
  ownersJobOf,
  type OwnersVerdict,
  type Stopped,
  stoppedBy,
} from '../cluster/owners.js';
import { type StoppedData, dataOfStopped, dataOfRunning, podsLeft } from '../cluster/stopped-data.js';
import { terminal } from '../failures.js';
import { removePod } from './moving.js';
import { until } from './pace.js';
import { type NoEnd, PlanJob } from './plan-job.js';
import { takeSnapshots } from './snapshots.js';
import type { TargetActivities } from './target.js';
import { isToBeMigrated, readWorkload, templateTests, workloadId } from './workload-object.js';

const GATE = 'owners';
/** Pods whose data is worked on side by side. */
const AT_ONCE = 4;
const POLL_MS = 500;
/** Beyond the time that its pods are given to end, in milliseconds. */
const STOP_MS = 60_000;
const NEEDS = 'it needs sh, find, stat, sort, uniq, head and chown in the image of the workload';

type OwnersActivities = Pick<TargetActivities, 'stopWorkload' | 'changeOwners' | 'restoreOwners' | 'forgetOwners'>;

/** A target whose owners change, under an SCC that is known. */
interface Task {
  target: MigrationTarget;
  owners: OwnersTask;
  sourceSCC: string;
}

function taskOf(target: MigrationTarget): Task {
  const { owners, sourceSCC, workload } = target;
  if (!owners || sourceSCC === null) throw terminal('refused', `the owners of the data of ${workload} do not change`);
  return { target, owners, sourceSCC };
}

const jobNameOf = ({ ref }: MigrationTarget, { index }: Pick<StoppedData, 'index'>, act: OwnersAct): string =>
  gateJobName(ref.name, `${GATE}-${index}`, act);

/** Does one act on the data that one Job works on. */
async function doOn(
  kube: KubeClient,
  { target, owners, sourceSCC }: Task,
  data: StoppedData,
  act: OwnersAct,
): Promise<OwnersVerdict> {
  const { ref } = target;
  const name = jobNameOf(target, data, act);
  const judge = (log: string): OwnersVerdict =>
    act === 'look' ? judgeBefore(log, owners) : judgeAfter(log, act === 'change' ? owners.from : owners.to);
  const read = async (job: KubeObject, pods: KubeObject[]): Promise<OwnersVerdict> => {
    const end = endOfGateJob(job, pods);
    const [pod] = pods;
    if (end?.verdict !== 'pass' || !pod)
      return { isGood: false, reason: `${end?.detail ?? 'its Job is gone'} (${NEEDS})` };
    const { namespace } = ref;
    const log = { namespace, name: pod.metadata.name ?? '', container: CENSUS_LOG.container };
    return judge(await kube.logs(log, CENSUS_LOG.options));
  };
  const make = (): Promise<KubeObject | NoEnd> =>
    Promise.resolve(
      ownersJobOf(data.spec, owners, { ref, name, sourceSCC, act }) ?? { noEnd: 'it mounts none of the claims' },
    );
  const ended = await new PlanJob(kube, ref, name).run<OwnersVerdict>({
    timeout: CENSUS_LOG.timeout,
    make,
    ended: read,
  });
  return 'noEnd' in ended ? { isGood: false, reason: ended.noEnd } : ended;
}

/** Does one act on all data. The first that cannot be done ends it, once those beside it have ended. */
async function doOnEach(
  kube: KubeClient,
  task: Task,
  { all, act }: { all: readonly StoppedData[]; act: OwnersAct },
): Promise<{ of: string; verdict: OwnersVerdict }[]> {
  const done: { of: string; verdict: OwnersVerdict }[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE);
    const ended = await Promise.allSettled(
      some.map(async (data) => ({ of: data.of, verdict: await doOn(kube, task, data, act) })),
    );
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    done.push(...ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    if (done.some(({ verdict }) => !verdict.isGood)) break;
  }
  return done;
}

const wordsOf = ({ of, verdict }: { of: string; verdict: OwnersVerdict }, { from, to }: OwnersTask): string =>
  `data of ${of}: ${verdict.isGood ? `${verdict.files} files of user ${from} can be given to user ${to}, and back` : verdict.reason}`;

/** @throws ApplicationFailure terminal, where one could not be done */
function allGood(done: Awaited<ReturnType<typeof doOnEach>>, owners: OwnersTask): Record<string, number> {
  const bad = done.find(({ verdict }) => !verdict.isGood);
  if (bad) throw terminal('rollout', wordsOf(bad, owners));
  return Object.fromEntries(done.map(({ of, verdict }) => [of, verdict.isGood ? verdict.files : 0]));
}

/** Looks, while the pods still run, whether the owners of their data may change. Nothing is touched. */
export async function lookAtOwners(kube: KubeClient, target: MigrationTarget): Promise<GateSample[]> {
  const task = taskOf(target);
  const object = await readWorkload(kube, target);
  const { all, lack } = await dataOfRunning(kube, object, task);
  const sample = (verdict: GateSample['verdict'], detail: string): GateSample => ({
    ...{ gate: GATE, verdict, value: null, detail },
    at: new Date().toISOString(),
  });
  if (lack !== null) return [sample('fail', lack)];
  const done = await doOnEach(kube, task, { all, act: 'look' });
  return done.map((one) => sample(one.verdict.isGood ? 'pass' : 'fail', wordsOf(one, task.owners)));
}

/** How long the pods may take to end, in milliseconds. */
function stopMsOf({ templateBefore }: MigrationTarget): number {
  const { spec } = templateBefore as { spec?: { terminationGracePeriodSeconds?: number } };
  return (spec?.terminationGracePeriodSeconds ?? 30) * 1000 + STOP_MS;
}

/**
 * Waits until no pod is left.
 * @param isUndo those that are not ready are deleted: the controller of the set may wait for them for ever
 */
async function awaitNoPods(kube: KubeClient, target: MigrationTarget, isUndo: boolean): Promise<void> {
  let left: string[] = [];
  const look = async (): Promise<true | undefined> => {
    const object = await readWorkload(kube, target);
    if (replicasOf(object) > 0) throw scaledUp(target);
    const pods = await podsLeft(kube, object, target);
    left = pods.map(({ metadata }) => metadata.name ?? '');
    if (pods.length === 0) return true;
    if (!isUndo) return undefined;
    const broken = (await podsOfStatefulSet(kube, object)).filter(({ ready, leaving }) => !ready && !leaving);
    for (const pod of broken) await removePod(kube, target, pod);
    return undefined;
  };
  const timeoutMs = stopMsOf(target) * Math.max(1, target.replicas);
  const expired = () => terminal('rollout', `${left.join(', ')} have not ended after ${timeoutMs / 1000} s`);
  await until(look, { everyMs: POLL_MS, timeoutMs, expired });
}

const scaledUp = ({ workload }: MigrationTarget) =>
  terminal('drift', `another client scaled ${workload} up while the owners of its data change`);

/** Stops a workload, changes the owners of its data, and takes both back. */
export function ownersActivities(kube: KubeClient): OwnersActivities {
  const write = async (
    target: MigrationTarget,
    current: KubeObject,
    change: { note: Stopped | null; replicas?: number },
  ) => {
    const body = [
      ...templateTests(target, current),
      { op: 'test', path: '/spec/replicas', value: replicasOf(current) },
      ...(change.replicas === undefined ? [] : [{ op: 'replace', path: '/spec/replicas', value: change.replicas }]),
      ...notePatch(current, change.note),
    ];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };
  /** The stopped workload, with what this plan has noted on it. */
  const readStopped = async (target: MigrationTarget): Promise<{ object: KubeObject; note: Stopped }> => {
    const object = await readWorkload(kube, target);
    const note = stoppedBy(object, target.ref);
    if (!note) throw terminal('drift', `another client took the mark of the migration from ${target.workload}`);
    isToBeMigrated(object, target);
    if (replicasOf(object) > 0 || (await podsLeft(kube, object, target)).length > 0) throw scaledUp(target);
    return { object, note };
  };

  return {
    stopWorkload: async (target) => {
      const current = await readWorkload(kube, target);
      taskOf(target);
      if (isMarkedByOthers(current, target.ref))
        throw terminal('drift', `${target.workload} is marked as stopped by another plan`);
      if (!stoppedBy(current, target.ref)) {
        const replicas = replicasOf(current);
        if (!isToBeMigrated(current, target) || replicas !== target.replicas)
          throw terminal('drift', `${target.workload} was changed, or scaled to ${replicas}, since it was judged`);
        await write(target, current, { note: { plan: target.ref.uid, replicas }, replicas: 0 });
      }
      await awaitNoPods(kube, target, false);
    },

    changeOwners: async (target): Promise<ChangedOwners> => {
      const stopped = await readStopped(target);
      const task = taskOf(target);
      const { owners } = task;
      const all = dataOfStopped(stopped.object, task, target.replicas);
      let files = stopped.note.owners?.files;
      if (!files) {
        for (const { of } of all) await takeSnapshots(kube, target, of);
        files = allGood(await doOnEach(kube, task, { all, act: 'look' }), owners);
        const { object, note } = await readStopped(target);
        await write(target, object, { note: { ...note, owners: { from: owners.from, to: owners.to, files } } });
      }
      allGood(await doOnEach(kube, task, { all, act: 'change' }), owners);
      await readStopped(target);
      return {
        ...{ from: owners.from, to: owners.to },
        claims: all.flatMap(({ claims }) => claims),
        files: Object.values(files).reduce((sum, count) => sum + count, 0),
      };
    },

    restoreOwners: async (target) => {
      const current = await kube.get(workloadId(target));
      const noted = current?.metadata.uid === target.workloadUid ? stoppedBy(current, target.ref) : null;
      if (!current || !noted?.owners) return;
      const { owners: known } = noted;
      const task = taskOf(target);
      if (replicasOf(current) > 0) await write(target, current, { note: noted, replicas: 0 });
      await awaitNoPods(kube, target, true);
      const all = dataOfStopped(current, task, noted.replicas);
      // A worker that died may have left one that still gives files away.
      for (const data of all)
        for (const act of ['look', 'change'] as const)
          await new PlanJob(kube, target.ref, jobNameOf(target, data, act)).end();
      const owners = { ...task.owners, from: known.from, to: known.to };
      allGood(await doOnEach(kube, { ...task, owners }, { all, act: 'giveBack' }), owners);
      const { replicas, plan } = noted;
      await write(target, await readWorkload(kube, target), { note: { plan, replicas } });
    },

    forgetOwners: async (target) => {
      const current = await kube.get(workloadId(target));
      if (current?.metadata.uid !== target.workloadUid || !stoppedBy(current, target.ref)) return;
      await write(target, current, { note: null });
    },
  };
}
