import { ApplicationFailure } from '@temporalio/common';
import type { KubeClient, KubeObject } from '@scc/kube';
import { type MigrationTarget, WEATHER } from '@scc/migration/contract';
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

const LOOK_MS = 1_000;
/** How long beyond the stretch of silence requests may come before the plan says that they are waited for. */
const PATIENCE_MS = 5_000;
/** How long callers that no route reaches are waited for in all, in milliseconds. */
const BOUND_MS = 2 * 60_000;

export interface SilenceDeps {
  kube: Pick<KubeClient, 'get' | 'list'>;
  router: Pick<TrafficRouter, 'split' | 'drift'>;
  metrics: Pick<MetricSource, 'inbound'>;
  /** How long requests under way are given to finish, in milliseconds. */
  drainMs: number;
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

/** Sets and verifies the routes once more, and waits for what is under way. */
async function verified({ router, drainMs }: SilenceDeps, target: MigrationTarget): Promise<Verified> {
  const survey = surveyOf(target);
  const split = { canary: 100, mirror: null };
  const drift = await router.drift(survey, split);
  if (drift) {
    const { manager, object, fields } = drift;
    throw terminal('drift', `${manager} changed ${object} (${fields.join(', ')}) during the migration`);
  }
  const found = await router.split(survey, split);
  await interruptiblePause(drainMs);
  return found;
}

/**
 * Waits until the own pods of a workload get no request. Callers that pass every proxy still reach them: they are waited
 * for within a bound, which the plan says, and then named.
 * @param begunMs when this began, in milliseconds since the epoch
 * @throws ApplicationFailure as weather, while requests come
 */
export async function awaitSilence(
  deps: SilenceDeps,
  target: MigrationTarget,
  { object, begunMs }: { object: KubeObject; begunMs: number },
): Promise<StableSide | undefined> {
  if (target.services.length === 0) return undefined;
  const startMs = performance.now();
  const unseen = async (why: string): Promise<StableSide> =>
    unseenOf(target, await verified(deps, target), { why, drainMs: deps.drainMs });
  for (let tries = 1; ; tries++) {
    const seen = await countedAt(deps, target, object);
    if ('why' in seen) return unseen(seen.why);
    const said = saidOf(target, seen);
    if (said.isSilent && seen.pods < seen.of)
      return unseen(`${seen.pods} of ${plural(seen.of, 'pod')} showed a counter, of no request for ${secondsOf(seen)}`);
    if (said.isSilent) return said;
    if (Date.now() - begunMs >= BOUND_MS)
      return { ...said, message: `${said.message}; they were waited for, and see a plain rollout` };
    if (performance.now() - startMs >= seen.overMs + PATIENCE_MS)
      throw ApplicationFailure.nonRetryable(`its own pods are not silent yet: ${said.message}`, WEATHER, {
        tries,
        remedy: `give these callers a proxy of the mesh, or end them; after ${BOUND_MS / 1000} s it goes on without`,
      });
    await interruptiblePause(LOOK_MS);
  }
}
