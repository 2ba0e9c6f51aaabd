import type { KubeClient, KubeObject } from '@scc/kube';
import type { GoodRun, MigrationTarget } from '@scc/migration/contract';
import { FIELD_MANAGER, type GateSample } from '@scc/plan';
import { plural } from '@scc/plan/words';
import { lastWriteMs } from '../cluster/cron-jobs.js';
import { lookAtFirstPods, podsOfKind, wantedBy } from '../cluster/first-pods.js';
import { asPodSCC } from '../cluster/rollout.js';
import type { WorkloadPod } from '../cluster/workload-pods.js';
import { gatesFailed, terminal } from '../failures.js';
import { isFinalRefusal } from './await-rollout.js';
import type { MovingActivities } from './moving.js';
import { until } from './pace.js';
import { judgeRun } from './quiet.js';
import type { TargetActivities } from './target.js';
import {
  isToBeMigrated,
  readUnchanged,
  readWorkload,
  templatePath,
  templateTests,
  workloadId,
} from './workload-object.js';

const POLL_MS = 250;
const GATE = 'first-pods';

export type FirstPodsActivities = Pick<TargetActivities, 'migrateWorkload' | 'awaitRun' | 'awaitStable'>;

const sampleOf = (verdict: GateSample['verdict'], detail: string): GateSample => ({
  ...{ gate: GATE, verdict, value: null, detail },
  at: new Date().toISOString(),
});

/** How long targets of earlier versions give pods, in milliseconds. */
const READY_MS = 5 * 60_000;

/** Whether nothing of a workload has started or was written by us for as long as its pods may take to be ready. */
const hasSettled =
  ({ readyMs = READY_MS }: MigrationTarget) =>
  (object: KubeObject, pods: readonly WorkloadPod[]): boolean =>
    Date.now() >= Math.max(lastWriteMs(object, FIELD_MANAGER), newestMs(pods)) + readyMs;

const newestMs = (pods: readonly WorkloadPod[]): number =>
  Math.max(0, ...pods.filter(({ leaving }) => !leaving).map(({ createdAt }) => Date.parse(createdAt) || 0));

/** The pods with which the undo of a workload that had none has ended although they are not as they should be, in words. */
export async function unreadyAfterUndo(
  kube: Pick<KubeClient, 'get' | 'list'>,
  target: MigrationTarget,
): Promise<string[]> {
  if (target.strategy !== 'NextRun' || target.kind === 'CronJob') return [];
  const object = await kube.get(workloadId(target));
  if (object?.metadata.uid !== target.workloadUid) return [];
  const { pods, refusal } = await podsOfKind(kube, target.kind, object);
  if (!hasSettled(target)(object, pods)) return [];
  const there = pods.filter(({ leaving }) => !leaving);
  const lacking = wantedBy(target.kind, object) - there.length;
  return [
    ...there.flatMap(unreadyWords),
    ...(lacking > 0 ? [`${plural(lacking, 'pod')} of ${target.workload} not there${because(refusal)}`] : []),
  ];
}

const because = (why: string | null): string => (why === null ? '' : ` (${why})`);

function unreadyWords({ name, isCurrent, ready, trouble }: WorkloadPod): string[] {
  if (!isCurrent) return [`pod ${name} still has the template of the migration`];
  return ready ? [] : [`pod ${name} is not ready under the template from before${because(trouble)}`];
}

/**
 * Changes the template of a workload that has no pods, and judges its first ones.
 * @param back how the pods of its kind go back, where some have started
 */
export function firstPodsActivities(
  kube: KubeClient,
  back: (target: MigrationTarget) => Pick<MovingActivities, 'awaitStable'>,
): FirstPodsActivities {
  const judge = async ({ ref }: MigrationTarget, pods: readonly WorkloadPod[]): Promise<GoodRun> => {
    const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: ref.namespace });
    const uids = new Set(pods.map(({ uid }) => uid));
    const objects = items.filter(({ metadata }) => uids.has(metadata.uid ?? ''));
    const log = await judgeRun(kube, objects, []);
    const names = pods.map(({ name }) => name).join(', ');
    const sample = sampleOf(log.isWorse ? 'fail' : 'pass', `ready under the target: ${names}; ${log.detail}`);
    if (log.isWorse) throw gatesFailed([sample], [sample]);
    return { pods: pods.map(asPodSCC), samples: [sample] };
  };

  return {
    migrateWorkload: async (target) => {
      const current = await readWorkload(kube, target);
      if (!isToBeMigrated(current, target)) return;
      const wanted = wantedBy(target.kind, current);
      if (wanted > 0)
        throw terminal(
          'drift',
          `${target.workload} wants ${wanted} pods, and had none when it was judged; apply the plan again`,
        );
      const body = [
        ...templateTests(target, current),
        ...(target.kind === 'DaemonSet' ? [] : [{ op: 'test', path: '/spec/replicas', value: 0 }]),
        { op: 'replace', path: templatePath(target), value: target.templateAfter },
      ];
      await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
    },

    awaitRun: (target, { untilMs, readyMs = 0 }) => {
      let wantedSinceMs: number | null = null;
      let refusedSinceMs: number | null = null;
      const idle = (object: KubeObject): GoodRun | undefined => {
        [wantedSinceMs, refusedSinceMs] = [null, null];
        if (Date.now() < untilMs) return undefined;
        const detail = `no pod of ${target.kind} ${object.metadata.name ?? ''} was to be started`;
        return { pods: [], samples: [sampleOf('noData', detail)] };
      };
      const look = async (): Promise<GoodRun | undefined> => {
        const object = await readUnchanged(kube, target);
        const { stand, refusal } = await lookAtFirstPods(kube, object, target);
        if (stand.state === 'idle') return idle(object);
        const nowMs = performance.now();
        wantedSinceMs ??= nowMs;
        refusedSinceMs = refusal === null ? null : (refusedSinceMs ?? nowMs);
        if (refusal !== null && isFinalRefusal(refusal, nowMs - (refusedSinceMs ?? nowMs)))
          throw terminal('admission', `the first pods of ${target.workload} are refused: ${refusal}`);
        if (stand.state === 'wrong') throw terminal('admission', stand.message);
        if (stand.state === 'moved') return judge(target, stand.pods);
        if (nowMs - wantedSinceMs < readyMs) return undefined;
        throw terminal(
          'rollout',
          `the first pods of ${target.workload} are not ready after ${readyMs / 1000} s: ${refusal ?? stand.message}`,
        );
      };
      return until(look, { everyMs: POLL_MS, timeoutMs: Infinity, expired: () => new Error('no end') });
    },

    /** Pods that are not ready under the template that was there before are said, and not waited for without end. */
    awaitStable: (target) => back(target).awaitStable(target, hasSettled(target)),
  };
}
