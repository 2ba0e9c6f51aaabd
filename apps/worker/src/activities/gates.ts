import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { durationMs, isDivided, movesPodByPod, type GateSample, type MetricGate } from '@scc/plan';
import type { TrafficRouter } from '@scc/routing';
import { messageOf } from '@scc/runtime';
import type { HoldRequest, MigrationTarget } from '@scc/migration/contract';
import type { TargetActivities } from './target.js';
import type { TrafficScope } from '../outside/flavours.js';
import type { MetricSource, MetricReading } from '../outside/prometheus.js';
import { gatesFailed, terminal } from '../failures.js';
import { judgeSample, readGate } from './gate-samples.js';
import { addedPolicyOf } from './added-policies.js';
import { disturbanceOf, tooSmall, type ServingStage } from './disturbance.js';
import { judgeMoved, judgeUnseen } from './quiet.js';
import { largestCanary } from '../cluster/canary-size.js';
import { paceDrift } from '../cluster/rolling.js';
import { deletionDrift } from '../cluster/daemons.js';
import { partitionDrift } from '../cluster/ordinals.js';
import { workloadId } from './workload-object.js';
import { readyCounts, shortSide } from '../cluster/endpoints.js';
import { interruptiblePause } from './pace.js';
import type { KubeClient, KubeObject } from '@scc/kube';
import { surveyOf } from './routes.js';

/** How long a gate that waits for data may wait beyond the hold, in milliseconds. */
const GRACE_MS = 30_000;
const SLICE_MS = 1_000;
/** However often a plan wants a sample, in milliseconds. */
const MIN_INTERVAL_MS = 1_000;

type Hold = HoldRequest & { target: MigrationTarget };

interface Watch {
  gate: MetricGate;
  last: GateSample | null;
  failures: number;
  nextMs: number;
  seenData: boolean;
  /** The last question got no answer at all: in spite of the gate's setting for missing data, that is not a verdict. */
  isUnjudged?: boolean;
  /** The last question was answered, and no request was counted. */
  isQuiet?: boolean | undefined;
}

/** The sample by which a gate ends the hold, or null. Missing data is never a success. */
export function fatalSample(watch: Omit<Watch, 'nextMs'>, over: boolean): GateSample | null {
  const { gate, failures } = watch;
  if (gate.dryRun) return null;
  const lacksData = isStarving(watch);
  return failures > gate.failureLimit || (over && lacksData) ? sampleOf(watch) : null;
}

/** The last sample of a gate, with the failures that it stands at. */
const sampleOf = ({ gate, last, failures }: Omit<Watch, 'nextMs'>): GateSample => ({
  ...(last ?? judgeSample(gate, { noData: 'it was never asked' }, new Date().toISOString())),
  failures,
  tolerated: gate.failureLimit,
});

const countsAsFailure = (gate: MetricGate, sample: GateSample): boolean =>
  sample.verdict === 'fail' || (sample.verdict === 'noData' && gate.noData === 'Fail');

/**
 * The canary's traffic while it carries some, else (mirroring) its mirrored requests: the same services. Once it has
 * handed everything back, the workload's.
 */
const scopeOf = ({ target: { ref, services }, weight, workloadSinceMs }: Hold): TrafficScope => {
  const [stable, canary] = [services.map(({ name }) => name), services.map((pair) => pair.canary)];
  const isReturned = workloadSinceMs !== undefined;
  return {
    namespace: ref.namespace,
    services: isReturned ? stable : canary,
    beside: isReturned ? canary : stable,
    mirrored: weight === 0 && !isReturned,
  };
};

/** Whether the side that is not judged gets no request. */
const isOtherIdle = ({ weight, workloadSinceMs }: Hold): boolean =>
  workloadSinceMs === undefined ? weight === 100 : weight === 0;

/** Of a side without requests a query of the user's own says nothing that could be compared with. */
const canJudge = ({ relativeTo, query }: MetricGate, request: Hold): boolean =>
  relativeTo === undefined || query === undefined || !isOtherIdle(request);

async function sample(watch: Watch, request: Hold, metrics: MetricSource): Promise<void> {
  const reading = await readGate(metrics, watch.gate, {
    scope: scopeOf(request),
    sinceMs: request.workloadSinceMs ?? request.sinceMs,
    isOtherIdle: isOtherIdle(request),
  }).catch((error: unknown): MetricReading => ({
    noData: `the gate cannot be judged: ${messageOf(error)}`,
    isUnjudged: true,
  }));
  watch.isUnjudged = 'isUnjudged' in reading;
  watch.isQuiet = 'isQuiet' in reading && reading.isQuiet;
  watch.last = judgeSample(watch.gate, reading, new Date().toISOString());
  watch.seenData ||= watch.last.verdict !== 'noData';
  if (countsAsFailure(watch.gate, watch.last)) watch.failures++;
}

/**
 * Holds a weight while its gates are watched, and ends early only when one fails. The hold counts from the moment the
 * activity was scheduled, so a worker that takes over goes on where the last one stopped. A hold of 0 waives the wait:
 * the gates then judge the samples that exist.
 */
export const holdWith =
  ({
    metrics,
    router,
    kube,
    root,
  }: {
    metrics: MetricSource;
    router: TrafficRouter;
    kube: KubeClient;
    /** The root namespace of the mesh. */
    root: string;
  }): TargetActivities['hold'] =>
  async (target, asked) => {
    const request = { ...asked, target };
    const { durationMs: holdMs, gates } = asked;
    const startMs = activityInfo().scheduledTimestampMs;
    const endMs = startMs + holdMs;
    const watched = target.services.length === 0 ? [] : gates.metrics.filter((gate) => canJudge(gate, request));
    const watches = watched.map((gate): Watch => ({
      gate,
      last: null,
      failures: 0,
      seenData: false,
      nextMs: firstSampleMs(gate, startMs, holdMs),
    }));
    const sides: SidesSeen = { shortSinceMs: null, lookedMs: null, policiesMs: performance.now() };
    await awaitCounters(metrics, request);
    for (;;) {
      cancellationSignal().throwIfAborted();
      await requirePartition(kube, request);
      const nowMs = Date.now();
      const due = watches.filter(({ nextMs }) => nextMs <= nowMs);
      await Promise.all(due.map((watch) => sample(watch, request, metrics)));
      for (const watch of due) watch.nextMs = nowMs + pauseOf(watch, endMs - nowMs);
      if (holdMs === 0) {
        await requireRoutes(router, request);
        await requireBothSides(kube, request, sides);
        return [...finish(watches), ...(await judgePods(kube, request))];
      }
      if (nowMs >= endMs) await judgeByPods({ kube, metrics }, request, watches);
      const starving = watches.some(isStarving);
      const over = nowMs >= endMs + (starving ? GRACE_MS : 0);
      const failed = watches.flatMap((watch) => fatalSample(watch, over) ?? []);
      if (failed.length) throw gatesFailed(failed, lastOf(watches));
      await requireRoutes(router, request);
      await requireBothSides(kube, request, sides);
      await requireNoneAdded({ kube, root }, request, sides);
      if (over || (nowMs >= endMs && !starving)) return [...finish(watches), ...(await judgePods(kube, request))];
      await interruptiblePause(
        Math.min(SLICE_MS, Math.max(10, Math.min(endMs, ...watches.map(({ nextMs }) => nextMs)) - nowMs)),
      );
    }
  };

/** A gate that waits for data passes on what it sees now, not on what it once saw. */
function isStarving({ gate, seenData, last, isUnjudged }: Omit<Watch, 'nextMs'>): boolean {
  const isBlank = !seenData || last?.verdict === 'noData';
  return !gate.dryRun && (isUnjudged === true || (isBlank && gate.noData === 'Wait'));
}

/** The last judgement of a migration rests on a scrape that came after everything it judges. */
async function awaitCounters(metrics: MetricSource, request: Hold): Promise<void> {
  if (request.workloadSinceMs === undefined || request.gates.metrics.length === 0) return;
  // Without an answer the gates say themselves that they cannot be judged.
  await metrics.settled(scopeOf(request), Date.now()).catch(() => undefined);
}

/** How long until a gate is asked again: one that waits for data is asked at the end of the hold, and after it. */
export function pauseOf(watch: Omit<Watch, 'nextMs'>, leftMs: number): number {
  const longestMs = leftMs > 0 ? leftMs : GRACE_MS / 3;
  const wantedMs = durationMs(watch.gate.interval);
  return Math.max(MIN_INTERVAL_MS, isStarving(watch) ? Math.min(wantedMs, longestMs) : wantedMs);
}

/** Gates that wait for requests which will not be seen have nothing to wait for: the pods themselves are judged. */
async function judgeByPods(
  sources: { kube: KubeClient; metrics: MetricSource },
  { target, ...request }: Hold,
  watches: Watch[],
): Promise<void> {
  const waiting = watches.filter((watch) => watch.isQuiet && isStarving(watch));
  if (waiting.length === 0) return;
  const judged = await judgeUnseen(sources, target, request);
  if (!judged) return;
  const at = new Date().toISOString();
  for (const watch of waiting) {
    watch.seenData = true;
    watch.last = {
      ...{ gate: watch.gate.name, at, value: null, detail: judged.detail },
      verdict: judged.isGood ? 'pass' : 'fail',
    };
  }
}

/** Why pods are not moved as the migration has set it, or null. */
function driftOf(
  object: KubeObject,
  { strategy, replicas, pace, owners }: MigrationTarget,
  partition: number,
): string | null {
  if (strategy === 'PerNode') return deletionDrift(object);
  if (strategy !== 'Rolling') return partitionDrift(object, [owners ? 0 : partition]);
  if (!pace) return null;
  return paceDrift(object, [partition === replicas - 1 ? pace.held : pace.own]);
}

/** Another client that lets the other pods move meanwhile ends the migration. */
async function requirePartition(kube: KubeClient, { target, partition }: Hold): Promise<void> {
  if (partition === undefined) return;
  const object = await kube.get(workloadId(target));
  const drift = object ? driftOf(object, target, partition) : `${target.kind} ${target.workload} is gone`;
  if (drift !== null) throw terminal('drift', drift);
}

/**
 * A pod that moved by itself is judged by itself too: its share of the requests may be too small to tell.
 * @throws ApplicationFailure when it is worse than the others
 */
async function judgePods(
  kube: KubeClient,
  { target, sinceMs, workloadSinceMs = sinceMs, partition = 0 }: Hold,
): Promise<GateSample[]> {
  if (!movesPodByPod(target.strategy)) return [];
  const { isGood, detail } = await judgeMoved(kube, target, workloadSinceMs, partition);
  const sample: GateSample = {
    ...{ gate: 'moved-pod', at: new Date().toISOString(), value: null, detail },
    verdict: isGood ? 'pass' : 'fail',
  };
  if (!isGood) throw gatesFailed([sample], [sample]);
  return [sample];
}

/** Between two looks at the endpoints of both sides, in milliseconds. */
const SIDES_MS = 2_000;
/** How long a side may be short before that counts: a pod that restarts is back sooner. */
const SHORT_LASTS_MS = 8_000;
/** Between two looks for policies that were added, in milliseconds; each step begins with one. */
const POLICIES_MS = 30_000;

interface SidesSeen {
  shortSinceMs: number | null;
  lookedMs: number | null;
  policiesMs: number;
}

/**
 * What another client does to an object of the migration ends the hold at the next look, and so does a side that cannot
 * serve its share, once that lasts: both sides are watched, at any weight.
 */
async function requireBothSides(
  kube: KubeClient,
  { target, weight, workloadSinceMs }: Hold,
  seen: SidesSeen,
): Promise<void> {
  const nowMs = performance.now();
  if (!isDivided(target.strategy) || (seen.lookedMs !== null && nowMs - seen.lookedMs < SIDES_MS)) return;
  seen.lookedMs = nowMs;
  const stage = { weight, isReturned: workloadSinceMs !== undefined };
  const disturbed = await disturbanceOf(kube, target, stage);
  if (disturbed !== null) throw terminal('drift', disturbed);
  const short = tooSmall(await kube.get(workloadId(target)), target, stage) ?? (await lacking(kube, target, stage));
  seen.shortSinceMs = short === null ? null : (seen.shortSinceMs ?? nowMs);
  if (short !== null && nowMs - (seen.shortSinceMs ?? nowMs) >= SHORT_LASTS_MS) throw terminal('readiness', short);
}

/** A policy of the workload's pods that was added meanwhile is not the canary's: it ends the hold while that serves. */
async function requireNoneAdded(
  { kube, root }: { kube: KubeClient; root: string },
  { target, weight, workloadSinceMs }: Hold,
  seen: SidesSeen,
): Promise<void> {
  const nowMs = performance.now();
  if (weight === 0 || workloadSinceMs !== undefined || nowMs - seen.policiesMs < POLICIES_MS) return;
  seen.policiesMs = nowMs;
  const added = await addedPolicyOf(kube, target, root);
  if (added !== null) throw terminal('drift', added);
}

/** What the sides lack of endpoints. Copies of requests need none of the canary: what they show is for the gates. */
const lacking = async (kube: KubeClient, target: MigrationTarget, { weight, isReturned }: ServingStage) =>
  weight === 0 && !isReturned
    ? null
    : shortSide(await readyCounts(kube, target), weight, target.replicas, largestCanary(target));

/**
 * A client that rewrites the routes meanwhile (a GitOps tool, an editor) is named, and the migration does not go on.
 */
async function requireRoutes(router: TrafficRouter, { target, weight, workloadSinceMs }: Hold): Promise<void> {
  if (target.services.length === 0 || !isDivided(target.strategy)) return;
  const survey = surveyOf(target);
  const isMirroring = weight === 0 && workloadSinceMs === undefined;
  // Surveys of earlier versions do not say how they are mirrored.
  if (isMirroring && survey.request.mirror === undefined) return;
  const mirror = isMirroring ? (survey.request.mirror ?? null) : null;
  const drift = await router.drift(survey, { canary: weight, mirror });
  if (drift)
    throw terminal(
      'drift',
      `${drift.manager} changed ${drift.object} (${drift.fields.join(', ')}) during the migration`,
    );
}

/** A short hold must not end before its gates were asked once; a long one gives the counters a moment first. */
const firstSampleMs = (gate: MetricGate, startMs: number, holdMs: number): number =>
  startMs + Math.min(durationMs(gate.interval), holdMs * 0.9);

/** The last sample of each gate that was asked. */
const lastOf = (watches: Watch[]): GateSample[] => watches.flatMap((watch) => (watch.last ? [sampleOf(watch)] : []));

/** The last sample of a hold must not be a failure, however many failures are tolerated on the way. */
function finish(watches: Watch[]): GateSample[] {
  const fatal = watches.filter(
    ({ gate, last, isUnjudged }) => !gate.dryRun && (last?.verdict === 'fail' || isUnjudged === true),
  );
  if (fatal.length) throw gatesFailed(lastOf(fatal), lastOf(watches));
  return lastOf(watches);
}
