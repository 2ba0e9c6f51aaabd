import { activityInfo } from '@temporalio/activity';
import {
  type Conflict,
  NotServed,
  RoutesBehind,
  type PreImage,
  type Split,
  type Survey,
  type TrafficRouter,
} from '@scc/routing';
import { z } from 'zod';
import type { MigrationTarget, StoredImage } from '@scc/migration/contract';
import { canarySize, largestCanary } from '../cluster/canary-size.js';
import { readyCounts, shortSide } from '../cluster/endpoints.js';
import type { KubeClient } from '@scc/kube';
import type { MetricSource } from '../outside/prometheus.js';
import { addedPolicyOf } from './added-policies.js';
import { growCanary } from './canary-scale.js';
import { disturbanceOf } from './disturbance.js';
import { terminal } from '../failures.js';
import { isRemoval } from './grants.js';
import { until } from './pace.js';
import type { TargetActivities } from './target.js';
import { idOf } from '../cluster/objects.js';

/**
 * Tries of one step, each as long as the router waits for the proxies (30 s): after that they are not reached at all.
 */
const MAX_TRIES = 3;

/** How long a side may be short of endpoints before weight is not given to it, in milliseconds. */
const SIDES_TIMEOUT_MS = 10_000;

/** How long new pods of a canary may take to be ready, in milliseconds. */
const GROWTH_TIMEOUT_MS = 5 * 60_000;

const surveySchema = z.custom<Survey>(
  (value) => typeof value === 'object' && value !== null && 'request' in value && 'routes' in value,
  'not the survey of a router',
);

/** The routes as the router surveyed them while the plan was validated. */
export const surveyOf = ({ survey }: MigrationTarget): Survey => surveySchema.parse(survey);

const routed = (images: StoredImage[]): PreImage[] =>
  images
    .filter(({ key }) => !isRemoval(key))
    .map(({ key, manifest }) => {
      const { apiVersion, kind, namespace = '', name } = idOf(key);
      return { id: { apiVersion, kind, namespace, name }, manifest };
    });

type RouteActivities = Pick<TargetActivities, 'prepareRoutes' | 'setMirror' | 'setWeights' | 'restoreRoutes'>;

/** Divides the requests between the workload and its canary. */
export function routeActivities({
  kube,
  router,
  metrics,
  root,
}: {
  kube: KubeClient;
  router: TrafficRouter;
  metrics: Pick<MetricSource, 'settled'>;
  /** The root namespace of the mesh. */
  root: string;
}): RouteActivities {
  /** Weight goes to a side only while it has the endpoints that its share needs. */
  const bothSidesReady = async (target: MigrationTarget, canary: number, needed: number): Promise<void> => {
    let short: string | null = null;
    const look = async (): Promise<true | undefined> => {
      short = shortSide(await readyCounts(kube, target), canary, needed, largestCanary(target));
      return short === null ? true : undefined;
    };
    const expired = () => terminal('readiness', short ?? 'a side has no endpoints');
    await until(look, { everyMs: 500, timeoutMs: SIDES_TIMEOUT_MS, expired });
  };

  /** On the way forward no weight rests on what another client has changed. */
  const untouched = async (target: MigrationTarget, weight: number): Promise<void> => {
    if (weight === 0 || target.services.length === 0) return;
    const [changed, added] = await Promise.all([
      disturbanceOf(kube, target, { weight, isReturned: false }),
      addedPolicyOf(kube, target, root),
    ]);
    const disturbed = changed ?? added;
    if (disturbed !== null) throw terminal('drift', disturbed);
  };

  /** A canary that follows its weight is as large as its next share needs before it gets it. It never shrinks. */
  const growTo = async (target: MigrationTarget, share: number): Promise<void> => {
    if (target.canaryReplicas !== 'Weight') return;
    const size = canarySize(target, share);
    await growCanary(kube, target, size);
    const wanted = async (): Promise<true | undefined> => {
      const counts = await readyCounts(kube, target);
      return counts.every(({ canary }) => canary >= size) ? true : undefined;
    };
    const expired = () => terminal('readiness', `the canary ${target.canary} did not grow to ${size} ready pods`);
    await until(wanted, { everyMs: 500, timeoutMs: GROWTH_TIMEOUT_MS, expired });
  };

  /** Proxies that stay behind end a step, so that the migration is undone; an undo is tried again by its workflow. */
  const followed = async <T>(
    work: () => Promise<T>,
    rewritten: () => Promise<Conflict | null> = () => Promise.resolve(null),
  ): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof NotServed) throw terminal('readiness', error.message);
      if (!(error instanceof RoutesBehind) || activityInfo().attempt < MAX_TRIES) throw error;
      // Of proxies that follow another writer, the writer is the cause.
      const other = await rewritten().catch(() => null);
      if (other === null) throw terminal('readiness', `the proxies do not follow: ${error.message}`);
      const { manager, object, fields } = other;
      throw terminal(
        'drift',
        `${manager} writes ${fields.join(', ')} of ${object} again after each write of the migration, so that the proxies do not follow it; stop that client, or have it leave these fields alone (${error.message})`,
      );
    }
  };
  const split = (target: MigrationTarget, asked: Split) => {
    const survey = surveyOf(target);
    // Also those who are led to the canary beside its share go to the side that serves, with the first write of an undo.
    const wanted = target.isUndo ? { ...asked, isUndo: true } : asked;
    return followed(
      () => router.split(survey, wanted),
      () => router.drift(survey, wanted),
    );
  };
  return {
    prepareRoutes: (target) => followed(() => router.prepare(surveyOf(target))),
    setMirror: async (target, mirror) => {
      if (mirror) await growTo(target, mirror.percentage);
      await split(target, { canary: 0, mirror });
      // One scrape after the last copy keeps copies and live requests apart. Without it the proof is less exact, not wrong.
      if (mirror === null)
        await metrics
          .settled(
            { namespace: target.ref.namespace, services: target.services.map((pair) => pair.canary) },
            Date.now(),
          )
          .catch(() => undefined);
    },
    setWeights: async (target, canary, options) => {
      // Half of what a share needs is enough to begin with: one lost node must not hold up the way back.
      const needed = Math.ceil(target.replicas / 2);
      const isDown = shortSide(await readyCounts(kube, target), canary, needed, largestCanary(target)) !== null;
      if (isDown && options?.unlessDown) return { verifiedBy: 'bound' };
      if (!options?.unlessDown) await growTo(target, canary);
      // A workload that was deleted gets its Service back all the same: nothing would ever be ready to wait for.
      const { ref, kind, workload: name } = target;
      const id = { apiVersion: 'apps/v1', kind, namespace: ref.namespace, name };
      const isGone = canary === 0 && isDown && (await kube.get(id)) === undefined;
      if (!isGone) await bothSidesReady(target, canary, needed);
      if (options === undefined) await untouched(target, canary);
      return split(target, { canary, mirror: null });
    },
    restoreRoutes: (target, images) => followed(() => router.restore(surveyOf(target), routed(images))),
  };
}
