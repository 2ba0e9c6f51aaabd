import { ApplicationFailure } from '@temporalio/common';
import type { KubeClient, KubeObject } from '@scc/kube';
import { type MigrationTarget, WEATHER } from '@scc/migration/contract';
import type { RoutedLately } from '@scc/openshift-route';
import type { StableSide } from '@scc/plan';
import { plural } from '@scc/plan/words';
import type { TrafficRouter, Verified } from '@scc/routing';
import { messageOf } from '@scc/runtime';
import { podsOfWorkload } from '../cluster/workload-pods.js';
import { terminal } from '../failures.js';
import type { InboundSeen } from '../outside/inbound.js';
import type { MetricSource } from '../outside/prometheus.js';
import { interruptiblePause } from './pace.js';
import { surveyOf } from './routes.js';

/** Everything goes to the canary: the workload's own pods are seen without requests before they are rolled. */

/** Routers must have sent nothing for so long, in milliseconds, and for two scrapes. */
const QUIET_MS = 10_000;
const LOOK_MS = 1_000;
/** How long beyond the stretch of silence requests may come before the plan says that they are waited for. */
const PATIENCE_MS = 5_000;
const BOUND_MS = 2 * 60_000;

export interface SilenceDeps {
  kube: Pick<KubeClient, 'get' | 'list'>;
  router: Pick<TrafficRouter, 'split' | 'drift'>;
  metrics: Pick<MetricSource, 'inbound' | 'routers'>;
  /** How long requests under way are given to finish, in milliseconds. */
  drainMs: number;
  /** How long callers that no route reaches are waited for in all, in milliseconds; two minutes when absent. */
  boundMs?: number;
}

type Named = Pick<MigrationTarget, 'workload'>;

/** What the counters of some or all of the own pods said. */
type Counted = InboundSeen & {
  /** How many pods there are. */
  of: number;
};

const secondsOf = ({ overMs }: Pick<InboundSeen, 'overMs'>): string => `${Math.round(overMs / 1000)} s`;

/** Whether nothing arrived, in words with what they rest on. */
export function saidOf({ workload }: Named, seen: Counted): StableSide {
  const { requests, hasBytes, pods, of, callers } = seen;
  const where = `the own pods of ${workload}`;
  const by = `by the counters of ${pods < of ? `${pods} of ${plural(of, 'pod')}` : plural(pods, 'pod')}`;
  const span = secondsOf(seen);
  if (requests === 0 && !hasBytes)
    return { isSilent: true, restsOn: 'counters', message: `no request reached ${where} for ${span}, ${by}` };
  const what = requests > 0 ? plural(requests, 'request') : 'bytes of standing connections';
  const whose = callers.length > 0 ? ` (callers: ${callers.join(', ')})` : '';
  const message = `${what} reached ${where} in ${span}, ${by}, although everything is led to the canary${whose}`;
  return { isSilent: false, restsOn: 'counters', message };
}

/** What is known where no counter of the pods can be read. */
function unseenOf({ workload }: Named, { verifiedBy }: Verified, { why, drainMs }: { why: string; drainMs: number }) {
  const led =
    verifiedBy === 'proxies'
      ? `every proxy leads away from the own pods of ${workload}`
      : `everything that was written leads away from the own pods of ${workload}`;
  const message = `${led}, and requests under way were given ${drainMs / 1000} s; what passes no route was not observed: ${why}`;
  return { isSilent: true, restsOn: verifiedBy, message };
}

async function countedAt(
  { kube, metrics }: SilenceDeps,
  { ref, workload }: MigrationTarget,
  object: KubeObject,
): Promise<Counted | { why: string }> {
  const { pods } = await podsOfWorkload(kube, object);
  const names = pods.map(({ name }) => name);
  try {
    const seen = await metrics.inbound?.({ namespace: ref.namespace, workload, pods: names });
    return seen ? { ...seen, of: names.length } : { why: 'no counter of these pods is scraped' };
  } catch (error) {
    return { why: messageOf(error) };
  }
}

/**
 * Sets and verifies the routes once more, and waits for what is under way.
 * @param ledSinceMs since when every proxy leads to the canary, by the monotonic clock; null where none was asked
 */
async function verified(
  { router, drainMs }: SilenceDeps,
  target: MigrationTarget,
  ledSinceMs: number | null,
): Promise<Verified> {
  const survey = surveyOf(target);
  const split = { canary: 100, mirror: null };
  const drift = await router.drift(survey, split);
  if (drift) {
    const { manager, object, fields } = drift;
    throw terminal('drift', `${manager} changed ${object} (${fields.join(', ')}) during the migration`);
  }
  const found = await router.split(survey, split);
  const ledForMs = ledSinceMs === null || found.verifiedBy === 'bound' ? 0 : performance.now() - ledSinceMs;
  await interruptiblePause(Math.max(0, drainMs - ledForMs));
  return found;
}

/** What one look at the own pods says, and over which stretch; or why nothing counts what reaches them. */
type Look = { said: StableSide; overMs: number } | { why: string };

/**
 * Looks until nothing arrives, or until the bound.
 * @throws ApplicationFailure as weather, while requests come
 */
async function waited(
  look: () => Promise<Look>,
  { begunMs, boundMs, remedy }: { begunMs: number; boundMs: number; remedy: string },
): Promise<StableSide | { why: string }> {
  const startMs = performance.now();
  for (let tries = 1; ; tries++) {
    const seen = await look();
    if ('why' in seen) return seen;
    const { said, overMs } = seen;
    if (said.isSilent) return said;
    if (Date.now() - begunMs >= boundMs)
      return { ...said, message: `${said.message}; they were waited for, and see a plain rollout` };
    if (performance.now() - startMs >= overMs + PATIENCE_MS)
      throw ApplicationFailure.nonRetryable(`its own pods are not silent yet: ${said.message}`, WEATHER, {
        tries,
        remedy: `${remedy}; after ${boundMs / 1000} s it goes on without`,
      });
    await interruptiblePause(LOOK_MS);
  }
}

async function lookAtPods(deps: SilenceDeps, target: MigrationTarget, object: KubeObject): Promise<Look> {
  const seen = await countedAt(deps, target, object);
  if ('why' in seen) return seen;
  const said = saidOf(target, seen);
  if (said.isSilent && seen.pods < seen.of)
    return { why: `${seen.pods} of ${plural(seen.of, 'pod')} showed a counter, of no request for ${secondsOf(seen)}` };
  return { said, overMs: seen.overMs };
}

/** What OpenShift's routers sent to the own pods, in words; callers of the Service itself pass them. */
export function routedOf(
  { workload }: Named,
  { requests, standing, overMs }: RoutedLately,
  why: string,
): Omit<StableSide, 'restsOn'> {
  const where = `the own pods of ${workload}`;
  const span = secondsOf({ overMs });
  if (requests === 0 && standing === 0)
    return {
      isSilent: true,
      message: `OpenShift's routers sent nothing to ${where} for ${span}, by their counters; what passes no router was not observed: ${why}`,
    };
  const what = requests > 0 ? plural(requests, 'request') : `${plural(standing, 'connection')} that stood before`;
  return {
    isSilent: false,
    message: `OpenShift's routers sent ${what} to ${where} in ${span}, by their counters, although no weight leads there`,
  };
}

async function lookAtRouters({ metrics }: SilenceDeps, target: MigrationTarget, why: string): Promise<Look> {
  const names = target.services.map(({ name }) => name);
  try {
    const lately = (await metrics.routers?.recent(target.ref.namespace, names, QUIET_MS)) ?? null;
    if (lately === null) return { why };
    return { said: { ...routedOf(target, lately, why), restsOn: 'counters' }, overMs: lately.overMs };
  } catch {
    return { why };
  }
}

/**
 * Waits until the own pods of a workload get no request. Callers that pass every proxy still reach them: they are waited
 * for within a bound, which the plan says, and then named. Where no counter of the pods is read, those of OpenShift's
 * routers are.
 * @param begunMs when this began, in milliseconds since the epoch
 * @param ledForMs how long every proxy has led to the canary already
 * @throws ApplicationFailure as weather, while requests come
 */
export async function awaitSilence(
  deps: SilenceDeps,
  target: MigrationTarget,
  { object, begunMs, ledForMs }: { object: KubeObject; begunMs: number; ledForMs?: number | undefined },
): Promise<StableSide | undefined> {
  if (target.services.length === 0) return undefined;
  const ledSinceMs = ledForMs === undefined ? null : performance.now() - ledForMs;
  const { boundMs = BOUND_MS, drainMs } = deps;
  const remedy = 'give these callers a proxy of the mesh, or end them';
  const seen = await waited(() => lookAtPods(deps, target, object), { begunMs, boundMs, remedy });
  if (!('why' in seen)) return seen;
  const { why } = seen;
  const led = await verified(deps, target, ledSinceMs);
  const routed = await waited(() => lookAtRouters(deps, target, why), {
    begunMs,
    boundMs,
    remedy: 'end the connections or sessions of these clients',
  });
  if ('why' in routed) return unseenOf(target, led, { why, drainMs });
  // Of what proxies divide as well, the routers see a part.
  return routed.isSilent ? { ...routed, restsOn: led.verifiedBy === 'proxies' ? 'proxies' : 'counters' } : routed;
}
