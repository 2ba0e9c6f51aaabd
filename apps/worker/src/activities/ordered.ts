import type { KubeClient, KubeObject } from '@scc/kube';
import { FIELD_MANAGER } from '@scc/plan';
import type { MigrationTarget } from '@scc/migration/contract';
import {
  orderedRolloutOf,
  partitionDrift,
  podNameAt,
  podsOfStatefulSet,
  replicasOf,
  returnOf,
  standOf,
  statefulSetSchema,
} from '../cluster/ordinals.js';
import { asPodSCC } from '../cluster/rollout.js';
import { terminal } from '../failures.js';
import { awaitBudget, readMoving, removePod, restoreMoved, witnesses, type MovingActivities } from './moving.js';
import { until } from './pace.js';
import { takeSnapshots } from './snapshots.js';
import { isToBeMigrated, readWorkload, templateTests, workloadId } from './workload-object.js';

const POLL_MS = 250;
/** How long an undo waits for the pods before it says so on the plan and begins again, in milliseconds. */
const RETURN_ROUND_MS = 60_000;
const PARTITION = '/spec/updateStrategy/rollingUpdate/partition';

const strategyTypeOf = (object: KubeObject) => statefulSetSchema.parse(object).spec.updateStrategy.type;
const partitionOf = (object: KubeObject): number =>
  statefulSetSchema.parse(object).spec.updateStrategy.rollingUpdate.partition;

/** Moves the pods of a user's StatefulSet to the target one by one, and back. */
export function orderedActivities(kube: KubeClient): MovingActivities {
  const read = (target: MigrationTarget, partitions: readonly number[]): Promise<KubeObject> =>
    readMoving(kube, target, (object) => partitionDrift(object, partitions));
  /** The tests make a write fail, instead of overwriting, when another client wrote the same meanwhile. */
  const write = async (target: MigrationTarget, current: KubeObject, change: Change) => {
    const body = [
      ...templateTests(target, current),
      ...(change.replicas === undefined ? [] : [{ op: 'test', path: '/spec/replicas', value: change.replicas }]),
      ...('template' in change ? [{ op: 'replace', path: '/spec/template', value: change.template }] : []),
      ...(change.partition === undefined || strategyTypeOf(current) === 'OnDelete'
        ? []
        : [
            { op: 'test', path: PARTITION, value: partitionOf(current) },
            { op: 'replace', path: PARTITION, value: change.partition },
          ]),
    ];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };

  return {
    migrateWorkload: async (target) => {
      const current = await readWorkload(kube, target);
      if (!isToBeMigrated(current, target)) return;
      const replicas = replicasOf(current);
      if (replicas !== target.replicas)
        throw terminal(
          'drift',
          `${target.workload} was scaled from ${target.replicas} to ${replicas} since it was judged`,
        );
      await write(target, current, { template: target.templateAfter, partition: replicas, replicas });
    },

    moveOrdinal: async (target, index) => {
      const allowed = [index + 1, index];
      const object = await read(target, allowed);
      const pod = (await podsOfStatefulSet(kube, object)).find((one) => one.index === index && !one.leaving);
      if (pod?.isCurrent && pod.scc === target.targetSCC) return;
      await awaitBudget(kube, target, pod);
      await takeSnapshots(kube, target, podNameAt(object, index));
      const current = await read(target, allowed);
      if (strategyTypeOf(current) === 'OnDelete') {
        if (pod) await removePod(kube, target, pod);
      } else if (partitionOf(current) !== index) await write(target, current, { partition: index });
    },

    awaitOrdinal: async (target, index, timeoutMs) => {
      let message = 'it was not seen yet';
      // Pods that were stopped start together.
      const lowest = target.owners ? 0 : index;
      const look = async () => {
        const object = await read(target, [lowest]);
        const pods = await podsOfStatefulSet(kube, object);
        const stand = standOf(object, pods, { index: lowest, targetSCC: target.targetSCC });
        if (stand.state === 'wrong') throw terminal('admission', stand.message);
        if (stand.state === 'moved') return { object, pods };
        message = stand.message;
        return undefined;
      };
      const expired = () => terminal('rollout', `it has not moved after ${timeoutMs / 1000} s: ${message}`);
      const { object, pods } = await until(look, { everyMs: POLL_MS, timeoutMs, expired });
      const moved = pods.filter(({ scc, isCurrent }) => isCurrent && scc === target.targetSCC).length;
      return pods
        .filter((pod) => pod.name === podNameAt(object, index))
        .map((pod) => ({ pod: asPodSCC(pod), ordinal: pod.ordinal, moved, total: replicasOf(object) }));
    },

    awaitWorkload: async (target, timeoutMs) => {
      let message = 'it was not seen yet';
      const look = async () => {
        const object = await read(target, [0]);
        const stand = standOf(object, await podsOfStatefulSet(kube, object), { index: 0, targetSCC: target.targetSCC });
        if (stand.state === 'wrong') throw terminal('admission', stand.message);
        const rollout = orderedRolloutOf(object);
        if (stand.state === 'moved' && rollout.state === 'done') return witnesses(target, stand.pods).map(asPodSCC);
        message = [stand, rollout].flatMap((one) => (one.state === 'waiting' ? [one.message] : [])).join('; ');
        return undefined;
      };
      const expired = () =>
        terminal('rollout', `${target.workload} is not done after ${timeoutMs / 1000} s: ${message}`);
      return until(look, { everyMs: POLL_MS, timeoutMs, expired });
    },

    awaitStable: async (target, isEnough) => {
      let message = '';
      const look = async (): Promise<true | undefined> => {
        const object = await kube.get(workloadId(target));
        if (object?.metadata.uid !== target.workloadUid) return true;
        const pods = await podsOfStatefulSet(kube, object);
        const next = returnOf(object, pods);
        if (next.state === 'back') return true;
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
        of: partitionOf,
        back: (before, current) => partitionBack(before, current, target),
        write: (current, template, partition) => write(target, current, { template, partition }),
      }),
  };
}

/** The changes of one write, and the replicas on which that rests. */
interface Change {
  template?: unknown;
  partition?: number;
  replicas?: number;
}

/** The partition that was there before, unless another client has set one that the migration never does. */
function partitionBack(before: KubeObject, current: KubeObject, { replicas }: MigrationTarget) {
  const now = partitionOf(current);
  if (now <= replicas) return { value: partitionOf(before), conflicts: [] };
  return { value: now, conflicts: ['spec.updateStrategy.rollingUpdate.partition'] };
}
