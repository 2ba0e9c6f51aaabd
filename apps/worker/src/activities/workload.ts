import { isDeepStrictEqual } from 'node:util';
import type { KubeClient, KubeObject } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import type { TrafficRouter } from '@scc/routing';
import { FIELD_MANAGER } from '@scc/plan';
import { terminal } from '../failures.js';
import { deploymentSchema } from '../cluster/objects.js';
import { disturbanceOf } from './disturbance.js';
import { until } from './pace.js';
import { surveyOf } from './routes.js';
import { awaitSilence, type SilenceDeps } from './silence.js';
import { largestCanary } from '../cluster/canary-size.js';
import { readyCounts, shortSide, type ReadyCount } from '../cluster/endpoints.js';
import { asPodSCC, rolloutOf, troubles } from '../cluster/rollout.js';
import { podsOfWorkload } from '../cluster/workload-pods.js';
import { awaitRollout } from './await-rollout.js';
import type { TargetActivities } from './target.js';
import { revert } from './three-way.js';
import {
  gone,
  isToBeMigrated,
  leftAlone,
  readWorkload,
  templateOf,
  templateTests,
  workloadBefore,
  workloadId,
} from './workload-object.js';

const POLL_MS = 150;
/** How long an undo waits for the stable pods before it says so on the plan and begins again, in milliseconds. */
const STABLE_ROUND_MS = 60_000;
/** After this the Deployment's own idea of being available is enough: one lost node must not hold up an undo. */
const STABLE_ALL_MS = 20_000;
/** Between two looks at what serves while the workload is rolled out, in milliseconds. */
const WATCH_MS = 2_000;
/** How long the canary may lack endpoints for all requests before the rollout ends, in milliseconds. */
const SHORT_LASTS_MS = 8_000;

type WorkloadActivities = Pick<
  TargetActivities,
  'migrateWorkload' | 'awaitWorkload' | 'awaitStable' | 'restoreWorkload'
>;

interface Deps extends SilenceDeps {
  kube: KubeClient;
  router: TrafficRouter;
}

/** Why the workload is too small for the requests that it had, or null: it was scaled while it was idle. */
export function shrunkBy(
  workload: KubeObject,
  { workload: name, replicas }: Pick<MigrationTarget, 'workload' | 'replicas'>,
): string | null {
  const now = deploymentSchema.parse(workload).spec.replicas;
  if (now >= replicas) return null;
  return `${name} was scaled from ${replicas} to ${now} during the migration; scale it up again`;
}

/** The canary's share that the sides' endpoints call for; null while both can serve, or neither can. */
export function healthySide(
  counts: readonly ReadyCount[],
  target: Pick<MigrationTarget, 'replicas' | 'canaryReplicas'>,
): 0 | 100 | null {
  if (counts.length === 0) return null;
  const needed = target.replicas / 2;
  const canaryNeeds = Math.min(needed, largestCanary(target));
  if (counts.every(({ stable, canary }) => stable < needed && canary >= canaryNeeds)) return 100;
  // A canary that still has some endpoints serves better than pods that are about to be rolled.
  return counts.every(({ stable, canary }) => stable >= needed && canary === 0) ? 0 : null;
}

/** Rolls the user's own workload to the target and back. */
export function workloadActivities(deps: Deps): WorkloadActivities {
  const { kube, router } = deps;
  const read = (target: MigrationTarget): Promise<KubeObject> => readWorkload(kube, target);
  const writeTemplate = async (target: MigrationTarget, current: KubeObject, template: unknown): Promise<void> => {
    const body = [...templateTests(target, current), { op: 'replace', path: '/spec/template', value: template }];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };
  /** Requests go to the side that can serve them while the other one cannot. */
  const shelter = async (target: MigrationTarget): Promise<boolean> => {
    const canary = healthySide(await readyCounts(kube, target), target);
    if (canary === null) return false;
    await router.split(surveyOf(target), { canary, mirror: null, ...(canary === 0 ? { isUndo: true } : {}) });
    return true;
  };
  /** While the canary serves everything: what happens to it is noticed before the rollout is over. */
  const watchCanary = (target: MigrationTarget): (() => Promise<void>) => {
    let lookedMs = -WATCH_MS;
    let shortSinceMs: number | null = null;
    return async () => {
      const nowMs = performance.now();
      if (nowMs - lookedMs < WATCH_MS) return;
      lookedMs = nowMs;
      const disturbed = await disturbanceOf(kube, target, { weight: 100, isReturned: true });
      if (disturbed !== null) throw terminal('drift', disturbed);
      const short = shortSide(await readyCounts(kube, target), 100, target.replicas, largestCanary(target));
      shortSinceMs = short === null ? null : (shortSinceMs ?? nowMs);
      if (short !== null && nowMs - (shortSinceMs ?? nowMs) >= SHORT_LASTS_MS) throw terminal('readiness', short);
    };
  };

  return {
    migrateWorkload: async (target, begunMs, ledForMs) => {
      const found = await read(target);
      if (!isToBeMigrated(found, target)) return undefined;
      const seen =
        begunMs === undefined ? undefined : await awaitSilence(deps, target, { object: found, begunMs, ledForMs });
      const current = await read(target);
      if (isToBeMigrated(current, target)) await writeTemplate(target, current, target.templateAfter);
      return seen;
    },

    awaitWorkload: async (target, timeoutMs) => {
      const pods = await awaitRollout(kube, {
        read: () => read(target),
        subject: `the rollout of ${target.workload}`,
        targetSCC: target.targetSCC,
        timeoutMs,
        overdue: 'rollout',
        missing: async () => shrunkBy(await read(target), target),
        watch: watchCanary(target),
      });
      return pods.map(asPodSCC);
    },

    awaitStable: async (target) => {
      const startMs = Date.now();
      let message = '';
      let sheltered = false;
      const look = async (): Promise<true | undefined> => {
        const current = await kube.get(workloadId(target));
        // Requests cannot return to a workload that was deleted, and nothing is gained by waiting.
        if (!current) return true;
        const rollout = rolloutOf(current);
        // One that was made again under the name is as large as its owner wants it.
        const shrunk = current.metadata.uid === target.workloadUid ? shrunkBy(current, target) : null;
        if (rollout.state === 'done' && shrunk === null) return true;
        if (!sheltered) sheltered = await shelter(target);
        if (rollout.state === 'done') message = shrunk ?? '';
        else {
          message = rollout.message + troubles((await podsOfWorkload(kube, current)).pods);
          const enough = shrunk === null && rollout.available && isUpdated(current);
          if (enough && Date.now() - startMs >= STABLE_ALL_MS) return true;
        }
        return undefined;
      };
      const expired = () =>
        terminal(
          'readiness',
          `the stable pods of ${target.workload} are not ready, the canary keeps serving: ${message}`,
        );
      await until(look, { everyMs: POLL_MS, timeoutMs: STABLE_ROUND_MS, expired });
    },

    restoreWorkload: async (target, images) => {
      const current = await kube.get(workloadId(target));
      if (current?.metadata.uid !== target.workloadUid) return [gone(target)];
      const before = templateOf(workloadBefore(images, target));
      const { value, conflicts } = revert({ before, ours: target.templateAfter, current: templateOf(current) });
      if (isDeepStrictEqual(value, templateOf(current))) return leftAlone(target, conflicts, current);
      await shelter(target);
      await writeTemplate(target, current, value);
      return leftAlone(target, conflicts, current);
    },
  };
}

const isUpdated = (object: KubeObject): boolean => {
  const { spec, status } = deploymentSchema.parse(object);
  return status.updatedReplicas >= spec.replicas && status.replicas === status.updatedReplicas;
};
