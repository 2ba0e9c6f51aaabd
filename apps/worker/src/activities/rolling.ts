import { isDeepStrictEqual } from 'node:util';
import type { KubeClient, KubeObject } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { FIELD_MANAGER } from '@scc/plan';
import { deploymentSchema } from '../cluster/objects.js';
import { PACE_FIELDS, paceDrift, paceOf, podsOfRolling, standOfRolling } from '../cluster/rolling.js';
import { asPodSCC, rolloutOf, troubles } from '../cluster/rollout.js';
import { podsOfWorkload } from '../cluster/workload-pods.js';
import { terminal } from '../failures.js';
import { awaitRollout, isFinalRefusal } from './await-rollout.js';
import { readMoving, restoreMoved, witnesses, type MovingActivities } from './moving.js';
import { until } from './pace.js';
import { isToBeMigrated, readWorkload, templateOf, templateTests, workloadId } from './workload-object.js';

const POLL_MS = 250;
/** How long an undo waits for the pods before it says so on the plan and begins again, in milliseconds. */
const RETURN_ROUND_MS = 60_000;
/** After this the Deployment's own idea of being available is enough: one lost node must not hold up an undo. */
const RETURN_ALL_MS = 20_000;

/** The pace that the user set, and the one by which one pod moves alone. */
function pacesIn({ pace, workload }: MigrationTarget): NonNullable<MigrationTarget['pace']> {
  if (!pace) throw new Error(`the target of ${workload} does not say how its pods are replaced`);
  return pace;
}

/** Moves one pod of a user's Deployment to the target, then the others, and back. */
export function rollingActivities(kube: KubeClient): MovingActivities {
  const read = (target: MigrationTarget, paces: readonly Record<string, unknown>[]): Promise<KubeObject> =>
    readMoving(kube, target, (object) => paceDrift(object, paces));
  /** The tests make a write fail, instead of overwriting, when another client wrote the same meanwhile. */
  const write = async (
    target: MigrationTarget,
    current: KubeObject,
    { template = templateOf(current), pace }: { template?: unknown; pace: Record<string, unknown> },
  ): Promise<void> => {
    const spec = current['spec'] as Record<string, unknown>;
    const body = [
      ...templateTests(target, current),
      ...PACE_FIELDS.flatMap((field) =>
        field in spec ? [{ op: 'test', path: `/spec/${field}`, value: spec[field] }] : [],
      ),
      { op: 'replace', path: '/spec/template', value: template },
      ...PACE_FIELDS.flatMap((field) => {
        const path = `/spec/${field}`;
        if (pace[field] !== null) return [{ op: 'add', path, value: pace[field] }];
        return field in spec ? [{ op: 'remove', path }] : [];
      }),
    ];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };
  /** Lets the pods be replaced as their user wants it, if they are not yet. */
  const release = async (target: MigrationTarget): Promise<KubeObject> => {
    const { own, held } = pacesIn(target);
    const current = await read(target, [held, own]);
    if (isDeepStrictEqual(paceOf(current), own)) return current;
    await write(target, current, { pace: own });
    return read(target, [own]);
  };

  return {
    migrateWorkload: async (target) => {
      const current = await readWorkload(kube, target);
      if (!isToBeMigrated(current, target)) return;
      const { own, held } = pacesIn(target);
      if (!isDeepStrictEqual(paceOf(current), own))
        throw terminal('drift', `how pods of ${target.workload} are replaced was changed since it was judged`);
      await write(target, current, { template: target.templateAfter, pace: held });
    },

    moveOrdinal: async (target) => {
      await release(target);
    },

    awaitOrdinal: async (target, index, timeoutMs) => {
      const { own, held } = pacesIn(target);
      const isFirst = index === target.replicas - 1;
      const wanted = { wanted: target.replicas - index, all: index === 0 && !isFirst, targetSCC: target.targetSCC };
      let message = 'it was not seen yet';
      let refusedSinceMs: number | null = null;
      const look = async () => {
        const object = await read(target, [isFirst ? held : own]);
        const { pods, refusal } = await podsOfRolling(kube, object);
        refusedSinceMs = refusal === null ? null : (refusedSinceMs ?? performance.now());
        if (refusal !== null && isFinalRefusal(refusal, performance.now() - (refusedSinceMs ?? 0)))
          throw terminal('admission', `the pods of ${target.workload} are refused: ${refusal}`);
        const stand = standOfRolling(object, pods, wanted);
        if (stand.state === 'wrong') throw terminal('admission', stand.message);
        if (stand.state === 'moved') return { moved: stand.pods, total: deploymentSchema.parse(object).spec.replicas };
        message = refusal ?? stand.message;
        return undefined;
      };
      const expired = () => terminal('rollout', `it has not moved after ${timeoutMs / 1000} s: ${message}`);
      const { moved, total } = await until(look, { everyMs: POLL_MS, timeoutMs, expired });
      const pod = moved[Math.min(wanted.wanted, moved.length) - 1];
      return pod ? [{ pod: asPodSCC(pod), ordinal: index, moved: moved.length, total }] : [];
    },

    /** Gives the user's own pace back where nothing has yet: of one pod there are no others to let move. */
    awaitWorkload: async (target, timeoutMs) => {
      const { own } = pacesIn(target);
      await release(target);
      const pods = await awaitRollout(kube, {
        read: () => read(target, [own]),
        subject: `the rollout of ${target.workload}`,
        targetSCC: target.targetSCC,
        timeoutMs,
        overdue: 'rollout',
      });
      return witnesses(target, pods).map(asPodSCC);
    },

    awaitStable: async (target, isEnough) => {
      const startMs = Date.now();
      let message = '';
      const look = async (): Promise<true | undefined> => {
        const object = await kube.get(workloadId(target));
        if (object?.metadata.uid !== target.workloadUid) return true;
        const rollout = rolloutOf(object);
        if (rollout.state === 'done') return true;
        const { pods } = await podsOfWorkload(kube, object);
        if (isEnough?.(object, pods)) return true;
        message = rollout.message + troubles(pods);
        const { spec, status } = deploymentSchema.parse(object);
        const isUpdated = status.updatedReplicas >= spec.replicas && status.replicas === status.updatedReplicas;
        return rollout.available && isUpdated && Date.now() - startMs >= RETURN_ALL_MS ? true : undefined;
      };
      const expired = () => terminal('readiness', `the pods of ${target.workload} are not back: ${message}`);
      await until(look, { everyMs: POLL_MS, timeoutMs: RETURN_ROUND_MS, expired });
    },

    restoreWorkload: (target, images) =>
      restoreMoved(kube, target, images, {
        of: paceOf,
        back: (before, current) => paceBack(paceOf(before), paceOf(current), pacesIn(target).held),
        write: (current, template, pace) => write(target, current, { template, pace }),
      }),
  };
}

/** Each field as it was before, unless another client has set it to what the migration never does. */
function paceBack(before: Record<string, unknown>, current: Record<string, unknown>, held: Record<string, unknown>) {
  const conflicts = PACE_FIELDS.filter(
    (field) => ![before[field], held[field]].some((known) => isDeepStrictEqual(known, current[field])),
  );
  const kept = Object.fromEntries(conflicts.map((field) => [field, current[field]]));
  return { value: { ...before, ...kept }, conflicts: conflicts.map((field) => `spec.${field}`) };
}
