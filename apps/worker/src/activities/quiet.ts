import { KubeError, KubeUnreachable, type KubeClient, type KubeObject } from '@scc/kube';
import { canaryLabels, movesPodByPod } from '@scc/plan';
import { plural } from '@scc/plan/words';
import type { HoldRequest, MigrationTarget } from '@scc/migration/contract';
import type { MetricSource } from '../outside/prometheus.js';
import { clusterPodSchema, isReady } from '../cluster/objects.js';
import { newestOf, podsOfDaemonSet } from '../cluster/daemons.js';
import { ordinalPods } from '../cluster/ordinals.js';
import { podsOfRolling } from '../cluster/rolling.js';
import { isLive, podsOfWorkload } from '../cluster/workload-pods.js';
import { workloadId } from './workload-object.js';

/** Of a workload without requests there is nothing to count: its pods and what they log have to do. */

/** How an operating system, and most programs, say that something is not allowed. */
const PERMISSION = /\b(EACCES|EPERM|EROFS)\b|permission denied|operation not permitted|read-only file system/i;
const LOG_BYTES = 256 * 1024;
const LOG_TIMEOUT_MS = 5_000;
/** Pods of a side whose logs are read. */
const MAX_PODS = 5;

/** The state of the pods of one side. */
export interface SideSeen {
  pods: number;
  unready: string[];
  restarts: number;
  /** Lines about permissions, and the first of them; null when no log could be read. */
  refusals: number | null;
}

/** How many lines of a log say that something was not permitted. */
export const refusalsIn = (log: string): number => log.split('\n').filter((line) => PERMISSION.test(line)).length;

/** The side that is judged, and the one beside it, as messages name them. */
const NAMES = { canary: ['the canary', 'the workload'], workload: ['the workload', 'the canary'] } as const;

/** The state of both sides, in words, and whether the judged one is as good as the one beside it. */
export function judgeSides(
  judged: SideSeen,
  beside: SideSeen,
  side: keyof typeof NAMES = 'canary',
): { isGood: boolean; detail: string } {
  const [name, other] = NAMES[side];
  const perPod = ({ refusals, pods }: SideSeen): number => (refusals ?? 0) / Math.max(1, pods);
  const wrong = [
    ...(judged.pods === 0 ? [`${name} has no pod`] : []),
    ...judged.unready.map((pod) => `pod ${pod} is not ready`),
    ...(judged.restarts > 0 ? [`${plural(judged.restarts, 'restart')} of ${name}'s containers`] : []),
    ...(perPod(judged) > perPod(beside)
      ? [
          `${plural(judged.refusals ?? 0, 'permission error')} in ${name}'s logs (${beside.refusals ?? 0} in ${other}'s)`,
        ]
      : []),
  ];
  const unread = judged.refusals === null ? '; its logs could not be read' : '';
  const how = `no request was seen, judged by readiness, restarts and permission errors in logs of ${plural(judged.pods, 'pod')}`;
  return { isGood: wrong.length === 0, detail: `${how}: ${wrong.join(', ') || 'nothing is wrong'}${unread}` };
}

const isOfCanary = ({ metadata }: KubeObject, { ref, label }: MigrationTarget): boolean =>
  metadata.labels?.[label.key] === label.canary &&
  Object.entries(canaryLabels(ref.name)).every(([key, value]) => metadata.labels?.[key] === value);

async function logOf(
  kube: Pick<KubeClient, 'logs'>,
  pod: KubeObject,
  { container, sinceMs }: { container: string; sinceMs: number },
): Promise<string | null> {
  const { namespace = '', name = '' } = pod.metadata;
  const sinceSeconds = Math.max(1, Math.ceil((Date.now() - sinceMs) / 1000));
  try {
    return await kube.logs(
      { namespace, name, container },
      { sinceSeconds, limitBytes: LOG_BYTES, timeoutMs: LOG_TIMEOUT_MS },
    );
  } catch (error) {
    // A log that cannot be had is said, and nothing is concluded from it.
    if (error instanceof KubeError || error instanceof KubeUnreachable) return null;
    throw error;
  }
}

async function sideOf(kube: Pick<KubeClient, 'logs'>, pods: KubeObject[], sinceMs: number): Promise<SideSeen> {
  const parsed = pods.map((pod) => ({ pod, seen: clusterPodSchema.parse(pod) }));
  const logs = await Promise.all(
    parsed
      .slice(0, MAX_PODS)
      .flatMap(({ pod, seen }) =>
        seen.status.containerStatuses.map(({ name: container }) => logOf(kube, pod, { container, sinceMs })),
      ),
  );
  const read = logs.filter((log) => log !== null);
  return {
    pods: pods.length,
    unready: parsed.filter(({ seen }) => !isReady(seen)).map(({ pod }) => pod.metadata.name ?? ''),
    restarts: parsed
      .flatMap(({ seen }) => seen.status.containerStatuses)
      .reduce((sum, one) => sum + one.restartCount, 0),
    refusals: read.length === 0 ? null : read.reduce((sum, log) => sum + refusalsIn(log), 0),
  };
}

/**
 * What the pods that have moved one by one show, in words, and whether the newest of them is as good as the rest.
 */
export function judgeNewest(newest: SideSeen | null, rest: SideSeen): { isGood: boolean; detail: string } {
  if (!newest) return { isGood: true, detail: 'no pod that moved is left to judge' };
  const perPod = rest.refusals === null ? 0 : rest.refusals / Math.max(1, rest.pods);
  const wrong = [
    ...[...newest.unready, ...rest.unready].map((name) => `pod ${name} is not ready`),
    ...(newest.restarts > 0 ? [`${plural(newest.restarts, 'restart')} of its containers`] : []),
    ...((newest.refusals ?? 0) > perPod
      ? [
          `${plural(newest.refusals ?? 0, 'permission error')} in its log (${rest.refusals ?? 0} in those of ${plural(rest.pods, 'other pod')})`,
        ]
      : []),
  ];
  const unread = newest.refusals === null ? '; its log could not be read' : '';
  const judged = 'the pod that moved, by readiness, restarts and permission errors in its log';
  return { isGood: wrong.length === 0, detail: `${judged}: ${wrong.join(', ') || 'nothing is wrong'}${unread}` };
}

/**
 * Whether the log of a run holds more permission errors than that of a run before it, each counted by pod.
 * @param before pods of a run of the old template; none where no such run is known
 */
export async function judgeRun(
  kube: Pick<KubeClient, 'logs'>,
  pods: KubeObject[],
  before: KubeObject[],
): Promise<{ isWorse: boolean; detail: string }> {
  const [now, then] = [await sideOf(kube, pods, 0), await sideOf(kube, before, 0)];
  const perPod = ({ refusals, pods: count }: SideSeen): number => (refusals ?? 0) / Math.max(1, count);
  if (now.refusals === null) return { isWorse: false, detail: 'its log could not be read' };
  const known = then.refusals === null ? 'no earlier log is known' : `${then.refusals} in that of the run before`;
  return {
    isWorse: perPod(now) > perPod(then),
    detail: `${plural(now.refusals, 'permission error')} in its log (${known})`,
  };
}

/**
 * The pods of a workload that move, and the one that moved last. While those of a Deployment are replaced at its own
 * pace, one that is not ready is starting.
 */
async function movingPods(
  kube: Pick<KubeClient, 'list'>,
  object: KubeObject,
  { items, isMoving }: { items: readonly KubeObject[]; isMoving: boolean },
) {
  if (object.kind === 'Deployment') {
    const { pods } = await podsOfRolling(kube, object);
    const own = pods.filter(({ leaving, ready }) => !leaving && (ready || !isMoving));
    return { own, newest: newestOf(own.filter(({ isCurrent }) => isCurrent)) };
  }
  if (object.kind === 'DaemonSet') {
    const own = (await podsOfDaemonSet(kube, object)).filter(({ leaving }) => !leaving);
    return { own, newest: newestOf(own.filter(({ isCurrent }) => isCurrent)) };
  }
  const own = ordinalPods(object, items, Date.now()).filter(({ leaving }) => !leaving);
  return { own, newest: own.find(({ isCurrent }) => isCurrent) };
}

/**
 * Judges the pod that moved last beside all the others: of a StatefulSet the lowest of those that have the new template,
 * of a DaemonSet or a Deployment the one that was made last.
 * @param left how many of the pods are still to move
 */
export async function judgeMoved(
  kube: Pick<KubeClient, 'get' | 'list' | 'logs'>,
  target: MigrationTarget,
  sinceMs: number,
  left = 0,
): Promise<{ isGood: boolean; detail: string }> {
  const object = await kube.get(workloadId(target));
  if (!object) return { isGood: false, detail: `${target.kind} ${target.workload} is gone` };
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: target.ref.namespace });
  const isMoving = left > 0 && left < target.replicas - 1;
  const { own, newest } = await movingPods(kube, { ...object, kind: target.kind }, { items, isMoving });
  const side = (isOf: (uid: string) => boolean): Promise<SideSeen> => {
    const uids = new Set(own.map(({ uid }) => uid).filter(isOf));
    return sideOf(
      kube,
      items.filter(({ metadata }) => uids.has(metadata.uid ?? '')),
      sinceMs,
    );
  };
  // Those that were stopped together have nobody beside them.
  if (target.owners && newest) return judgeNewest(await side(() => true), await side(() => false));
  const rest = await side((uid) => uid !== newest?.uid);
  return judgeNewest(newest ? await side((uid) => uid === newest.uid) : null, rest);
}

/** The uids of the workload's own pods: labels alone may be those of other owners' pods. */
async function ownUids(kube: Pick<KubeClient, 'get' | 'list'>, target: MigrationTarget): Promise<ReadonlySet<string>> {
  const object = await kube.get(workloadId(target));
  const { pods } = object ? await podsOfWorkload(kube, object) : { pods: [] };
  return new Set(pods.map(({ uid }) => uid));
}

/** Judges a canary that gets no request beside its workload; once requests have returned, the workload beside it. */
export async function judgeQuiet(
  kube: Pick<KubeClient, 'get' | 'list' | 'logs'>,
  target: MigrationTarget,
  { sinceMs, isReturned }: { sinceMs: number; isReturned: boolean },
): Promise<{ isGood: boolean; detail: string }> {
  const own = await ownUids(kube, target);
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: target.ref.namespace });
  const live = items.filter((pod) => pod.metadata.deletionTimestamp === undefined && isLive(pod, Date.now()));
  const canary = await sideOf(
    kube,
    live.filter((pod) => isOfCanary(pod, target)),
    sinceMs,
  );
  const workload = await sideOf(
    kube,
    live.filter((pod) => own.has(pod.metadata.uid ?? '')),
    sinceMs,
  );
  return isReturned ? judgeSides(workload, canary, 'workload') : judgeSides(canary, workload);
}

/**
 * Judges by the pods, at the end of a hold in which neither side got a request that is counted, or in which the canary
 * got copies of requests that nothing counts; null where requests of the other side are counted.
 */
export async function judgeUnseen(
  { kube, metrics }: { kube: Pick<KubeClient, 'get' | 'list' | 'logs'>; metrics: MetricSource },
  target: MigrationTarget,
  { weight, sinceMs, workloadSinceMs }: Pick<HoldRequest, 'weight' | 'sinceMs' | 'workloadSinceMs'>,
): Promise<{ isGood: boolean; detail: string } | null> {
  const isReturned = workloadSinceMs !== undefined;
  const hasOnlyCopies = weight === 0 && !isReturned && metrics.countsCopies === false;
  if (!hasOnlyCopies) {
    const stable = { namespace: target.ref.namespace, services: target.services.map(({ name }) => name) };
    if (!('isQuiet' in (await metrics.read({ preset: 'request-success-rate' }, stable, sinceMs)))) return null;
  }
  return movesPodByPod(target.strategy)
    ? judgeMoved(kube, target, sinceMs)
    : judgeQuiet(kube, target, { sinceMs, isReturned });
}
