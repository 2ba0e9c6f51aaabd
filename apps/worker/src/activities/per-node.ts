import { isDeepStrictEqual } from 'node:util';
import type { KubeClient, KubeObject } from '@scc/kube';
import { FIELD_MANAGER } from '@scc/plan';
import type { MigrationTarget } from '@scc/migration/contract';
import {
  daemonSetSchema,
  deletionDrift,
  isBackButOne,
  newestOf,
  nextToMove,
  podsOfDaemonSet,
  returnOnNodes,
  standOnNodes,
} from '../cluster/daemons.js';
import type { WorkloadPod } from '../cluster/workload-pods.js';
import { asPodSCC } from '../cluster/rollout.js';
import { terminal } from '../failures.js';
import { awaitBudget, readMoving, removePod, restoreMoved, witnesses, type MovingActivities } from './moving.js';
import { until } from './pace.js';
import {
  isToBeMigrated,
  readWorkload,
  templateChanged,
  templateOf,
  templateTests,
  workloadId,
} from './workload-object.js';

const POLL_MS = 250;
/** How long an undo waits for the pods before it says so on the plan and begins again, in milliseconds. */
const RETURN_ROUND_MS = 60_000;
/** After this an undo goes on although one node has no ready pod: a lost node must not hold it up. */
const RETURN_ALL_MS = 20_000;
/** How long a pod may have to wait until every other node has a ready one, in milliseconds. */
const TURN_MS = 5 * 60_000;
const UPDATE = '/spec/updateStrategy';
/** How the pods are replaced while they move: when this migration deletes them, and at no other time. */
const BY_DELETION = { type: 'OnDelete' };

/** How a DaemonSet's pods are replaced, as the API server holds it. */
export const updateStrategyOf = (object: KubeObject): Record<string, unknown> =>
  daemonSetSchema.parse(object).spec.updateStrategy;

/** Moves the pods of a user's DaemonSet to the target node by node, and back. */
export function perNodeActivities(kube: KubeClient): MovingActivities {
  const read = (target: MigrationTarget): Promise<KubeObject> => readMoving(kube, target, deletionDrift);
  /** The tests make a write fail, instead of overwriting, when another client wrote the same meanwhile. */
  const write = async (
    target: MigrationTarget,
    current: KubeObject,
    { template = templateOf(current), update }: { template?: unknown; update: unknown },
  ): Promise<void> => {
    const body = [
      ...templateTests(target, current),
      { op: 'test', path: UPDATE, value: updateStrategyOf(current) },
      { op: 'replace', path: '/spec/template', value: template },
      { op: 'replace', path: UPDATE, value: update },
    ];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };
  const moved = (pods: readonly WorkloadPod[], { targetSCC }: MigrationTarget): WorkloadPod[] =>
    pods.filter(({ scc, isCurrent, leaving }) => isCurrent && !leaving && scc === targetSCC);

  return {
    migrateWorkload: async (target) => {
      const current = await readWorkload(kube, target);
      if (!isToBeMigrated(current, target)) return;
      const nodes = daemonSetSchema.parse(current).status.desiredNumberScheduled;
      if (nodes > target.replicas)
        throw terminal(
          'drift',
          `${target.workload} has ${nodes} nodes, and had ${target.replicas} when it was judged; apply the plan again`,
        );
      await write(target, current, { template: target.templateAfter, update: BY_DELETION });
    },

    moveOrdinal: async (target, index) => {
      let message = '';
      const look = async (): Promise<WorkloadPod | 'none' | undefined> => {
        const object = await read(target);
        const next = nextToMove(object, await podsOfDaemonSet(kube, object), index);
        if (next === null) return 'none';
        if ('pod' in next) return next.pod;
        message = next.waiting;
        return undefined;
      };
      const expired = () => terminal('rollout', `no further pod of ${target.workload} may be taken away: ${message}`);
      const pod = await until(look, { everyMs: POLL_MS, timeoutMs: TURN_MS, expired });
      if (pod === 'none') return;
      await awaitBudget(kube, target, pod);
      await read(target);
      await removePod(kube, target, pod);
    },

    awaitOrdinal: async (target, index, timeoutMs) => {
      let message = 'it was not seen yet';
      const look = async () => {
        const object = await read(target);
        const pods = await podsOfDaemonSet(kube, object);
        const stand = standOnNodes(object, pods, { left: index, targetSCC: target.targetSCC });
        if (stand.state === 'wrong') throw terminal('admission', stand.message);
        if (stand.state === 'moved') return pods;
        message = stand.message;
        return undefined;
      };
      const expired = () => terminal('rollout', `it has not moved after ${timeoutMs / 1000} s: ${message}`);
      const pods = await until(look, { everyMs: POLL_MS, timeoutMs, expired });
      const there = moved(pods, target);
      const newest = newestOf(there);
      if (!newest) return [];
      const total = pods.filter(({ leaving }) => !leaving).length;
      const on = newest.node === null ? {} : { node: newest.node };
      return [{ pod: asPodSCC(newest), ordinal: index, ...on, moved: there.length, total }];
    },

    /** Gives the user's own update strategy back first: with every pod of the template, it has nothing to replace. */
    awaitWorkload: async (target, timeoutMs) => {
      let message = 'it was not seen yet';
      const look = async () => {
        const object = await readWorkload(kube, target);
        if (!isDeepStrictEqual(templateOf(object), target.templateAfter)) throw templateChanged(target);
        const stand = standOnNodes(object, await podsOfDaemonSet(kube, object), {
          left: 0,
          targetSCC: target.targetSCC,
        });
        if (stand.state === 'wrong') throw terminal('admission', stand.message);
        if (stand.state === 'waiting') {
          message = stand.message;
          return undefined;
        }
        const pods = witnesses(target, stand.pods);
        const own = target.updateStrategy ?? BY_DELETION;
        if (isDeepStrictEqual(updateStrategyOf(object), own)) return pods.map(asPodSCC);
        const drift = deletionDrift(object);
        if (drift !== null) throw terminal('drift', drift);
        await write(target, object, { update: own });
        return undefined;
      };
      const expired = () =>
        terminal('rollout', `${target.workload} is not done after ${timeoutMs / 1000} s: ${message}`);
      return until(look, { everyMs: POLL_MS, timeoutMs, expired });
    },

    awaitStable: async (target, isEnough) => {
      const startMs = Date.now();
      let message = '';
      const look = async (): Promise<true | undefined> => {
        const object = await kube.get(workloadId(target));
        if (object?.metadata.uid !== target.workloadUid) return true;
        const pods = await podsOfDaemonSet(kube, object);
        const next = returnOnNodes(object, pods);
        if (next.state === 'back') return true;
        if (Date.now() - startMs >= RETURN_ALL_MS && isBackButOne(object, pods)) return true;
        if (next.state === 'waiting' && isEnough?.(object, pods)) return true;
        message = next.message;
        if (next.state === 'replace') await removePod(kube, target, next.pod);
        return undefined;
      };
      const expired = () => terminal('readiness', `the pods of ${target.workload} are not back: ${message}`);
      await until(look, { everyMs: POLL_MS, timeoutMs: RETURN_ROUND_MS, expired });
    },

    restoreWorkload: (target, images) =>
      restoreMoved(kube, target, images, {
        of: updateStrategyOf,
        back: (before, current) => updateBack(updateStrategyOf(before), updateStrategyOf(current)),
        write: (current, template, update) => write(target, current, { template, update }),
      }),
  };
}

/** The update strategy that was there before, unless another client has set one that the migration never does. */
function updateBack(before: Record<string, unknown>, current: Record<string, unknown>) {
  if (isDeepStrictEqual(current, before) || isDeepStrictEqual(current, BY_DELETION))
    return { value: before, conflicts: [] };
  return { value: current, conflicts: ['spec.updateStrategy'] };
}
