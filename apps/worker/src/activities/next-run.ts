import { isDeepStrictEqual } from 'node:util';
import { activityInfo } from '@temporalio/activity';
import { type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import type { GoodRun, MigrationTarget } from '@scc/migration/contract';
import { canaryAnnotations, canaryLabels, FIELD_MANAGER, type GateSample, untracked } from '@scc/plan';
import {
  asksFor,
  cronJobSchema,
  heldUpBy,
  lostSince,
  isFailed,
  isSince,
  lastWriteMs,
  missedBy,
  readRuns,
  type JobRun,
  runOf,
  runsAmong,
  standOfRun,
} from '../cluster/cron-jobs.js';
import { ownedByPlan } from '../cluster/copies.js';
import { asPodSCC, rolloutPod } from '../cluster/rollout.js';
import { gatesFailed, terminal } from '../failures.js';
import { isOfPlan } from './canary.js';
import { until } from './pace.js';
import { judgeRun } from './quiet.js';
import type { TargetActivities } from './target.js';
import { revert } from './three-way.js';
import {
  gone,
  isToBeMigrated,
  leftAlone,
  readUnchanged,
  readWorkload,
  templateOf,
  templatePath,
  templateTests,
  workloadBefore,
  workloadId,
} from './workload-object.js';

const POLL_MS = 1_000;
const GONE_MS = 10 * 60_000;

export type NextRunActivities = Pick<
  TargetActivities,
  'migrateWorkload' | 'awaitWorkload' | 'awaitStable' | 'restoreWorkload' | 'removeCanary' | 'runTrial' | 'awaitRun'
>;

const trialId = ({ ref, canary }: MigrationTarget): ObjectId => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  namespace: ref.namespace,
  name: canary,
});

/** Everything that is made beside a CronJob; nothing beside any other workload that gets no canary. */
export const trialObjects = (target: MigrationTarget): ObjectId[] =>
  target.strategy === 'NextRun' && target.kind === 'CronJob' ? [trialId(target)] : [];

/** A Job as the CronJob would make it from the changed template, marked as the plan's. It is no run of its schedule. */
function trialJob(cronJob: KubeObject, target: MigrationTarget): KubeObject {
  const { jobTemplate } = cronJobSchema.parse(cronJob).spec;
  const marks = canaryLabels(target.ref.name);
  const template = target.templateAfter as { metadata?: { labels?: Record<string, string> } };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      namespace: target.ref.namespace,
      name: target.canary,
      ...ownedByPlan(target.ref),
      labels: { ...untracked(cronJob.metadata.labels), ...marks },
      annotations: canaryAnnotations(target.ref.name),
    },
    spec: {
      ...jobTemplate.spec,
      // It is removed when it was judged, and not before.
      ttlSecondsAfterFinished: undefined,
      template: { ...template, metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...marks } } },
    },
  };
}

/** Changes the template of a user's CronJob, judges its next run, and takes the change back. */
export function nextRunActivities(kube: KubeClient): NextRunActivities {
  const write = async (target: MigrationTarget, current: KubeObject, template: unknown): Promise<void> => {
    const body = [...templateTests(target, current), { op: 'replace', path: templatePath(target), value: template }];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };
  /** @param before the newest run of the old template, by which errors in the log are measured */
  const judge = async (
    target: MigrationTarget,
    { gate, run, before }: { gate: string; run: JobRun; before: JobRun | undefined },
  ): Promise<{ good: GoodRun } | { waiting: string }> => {
    const stand = standOfRun(run, target.targetSCC);
    if (stand.state === 'wrong') throw terminal('admission', stand.message);
    const log = await judgeRun(kube, run.pods, before?.pods ?? []);
    if (stand.state === 'waiting' && !log.isWorse) return { waiting: stand.message };
    const isGood = stand.state === 'ended' && stand.isGood && !log.isWorse;
    const sample: GateSample = {
      ...{
        gate,
        at: new Date().toISOString(),
        value: null,
        detail: `${stand.message}; ${log.detail}${failedBefore(before)}`,
      },
      verdict: isGood ? 'pass' : 'fail',
    };
    if (!isGood) throw gatesFailed([sample], [sample]);
    const pods = run.pods.map((pod) => asPodSCC(rolloutPod(pod)));
    return { good: { job: run.job.metadata.name ?? '', pods, samples: [sample] } };
  };
  const removeTrial = async (target: MigrationTarget): Promise<void> => {
    const job = await kube.get(trialId(target));
    if (!job || !isOfPlan(job, target)) return;
    const { uid = '' } = job.metadata;
    await kube.delete(trialId(target), { propagation: 'Foreground', uid });
    await until(async () => ((await kube.get(trialId(target)))?.metadata.uid === uid ? undefined : true), {
      everyMs: POLL_MS,
      timeoutMs: GONE_MS,
      expired: () => new Error('the pods of the trial run do not go away'),
    });
  };
  /** The trial run of this plan; one that had failed before this was asked is made again. */
  const trialOf = async (target: MigrationTarget): Promise<KubeObject> => {
    const existing = await kube.get(trialId(target));
    if (existing && !isOfPlan(existing, target))
      throw terminal(
        'refused',
        `Job ${target.canary} exists and was not made for plan ${target.ref.name}: remove or rename it`,
      );
    if (existing && (isSince(existing, activityInfo().scheduledTimestampMs) || !isFailed(existing))) return existing;
    if (existing) await removeTrial(target);
    return kube.create(trialJob(await readWorkload(kube, target), target));
  };
  /** A trial run that was good stands in for a run that does not come; undefined where there was none. */
  const goodTrial = async (target: MigrationTarget): Promise<GoodRun | undefined> => {
    const job = await kube.get(trialId(target));
    if (!job || !isOfPlan(job, target)) return undefined;
    const run = runOf(job, (await readRuns(kube, target.ref.namespace)).pods);
    const stand = standOfRun(run, target.targetSCC);
    if (stand.state !== 'ended' || !stand.isGood) return undefined;
    const detail = `no run of its schedule came in time, so that the trial run counts: ${stand.message}`;
    const sample: GateSample = { gate: 'next-run', verdict: 'pass', value: null, detail, at: new Date().toISOString() };
    return { job: target.canary, pods: run.pods.map((pod) => asPodSCC(rolloutPod(pod))), samples: [sample] };
  };

  return {
    migrateWorkload: async (target) => {
      const current = await readWorkload(kube, target);
      if (isToBeMigrated(current, target)) await write(target, current, target.templateAfter);
    },

    runTrial: async (target, untilMs) => {
      const { metadata } = await trialOf(target);
      return untilTime(untilMs, async () => {
        const job = await kube.get(trialId(target));
        if (!job || job.metadata.uid !== metadata.uid)
          throw terminal('drift', `Job ${target.canary} was deleted during the migration`);
        const known = await readRuns(kube, target.ref.namespace);
        const [before] = runsAmong(await readWorkload(kube, target), known);
        const judged = await judge(target, { gate: 'trial-run', run: runOf(job, known.pods), before });
        if ('good' in judged) return judged;
        return { expired: terminal('rollout', `the trial run has not ended in time: ${judged.waiting}`) };
      });
    },

    awaitRun: (target, { sinceMs, untilMs }) =>
      untilTime(untilMs, async () => {
        const object = await readUnchanged(kube, target);
        const runs = runsAmong(object, await readRuns(kube, target.ref.namespace));
        const fromMs = Math.max(lastWriteMs(object, FIELD_MANAGER), sinceMs ?? 0);
        const isNew = ({ job }: JobRun): boolean => asksFor(job, target.targetSCC) && isSince(job, fromMs);
        const run = runs.findLast(isNew);
        if (!run) {
          const lost = lostSince(object, runs, fromMs);
          if (lost !== null)
            throw terminal('rollout', `the run of ${lost} is gone before it was judged: its Job was removed`);
          const trial = Date.now() < untilMs ? undefined : await goodTrial(target);
          if (trial) return { good: trial };
          if (Date.now() >= untilMs && cronJobSchema.parse(object).spec.suspend) return { good: unseenRun(object) };
          const why = heldUpBy(object, runs) + missedBy(cronJobSchema.parse(object).spec);
          return { expired: unseen(target, `no run of CronJob ${target.workload} began ${whenOf(object)}${why}`) };
        }
        const judged = await judge(target, { gate: 'next-run', run, before: runs.find((one) => !isNew(one)) });
        return 'good' in judged ? judged : { expired: unseen(target, judged.waiting) };
      }),

    /** Nothing is rolled out: `awaitRun` has the last word. */
    awaitWorkload: () => Promise.resolve([]),
    /** A run that has begun keeps the template that it began with. */
    awaitStable: () => Promise.resolve(),

    restoreWorkload: async (target, images) => {
      const current = await kube.get(workloadId(target));
      if (current?.metadata.uid !== target.workloadUid) return [gone(target)];
      const before = templateOf(workloadBefore(images, target));
      const { value, conflicts } = revert({ before, ours: target.templateAfter, current: templateOf(current) });
      if (!isDeepStrictEqual(value, templateOf(current))) await write(target, current, value);
      return leftAlone(target, conflicts, current);
    },

    removeCanary: removeTrial,
  };
}

/** Looks until a run is good, or until a time has come, in milliseconds since the epoch; `expired` is then thrown. */
function untilTime(untilMs: number, look: () => Promise<{ good: GoodRun } | { expired: Error }>): Promise<GoodRun> {
  const once = async (): Promise<GoodRun | undefined> => {
    const isLast = Date.now() >= untilMs;
    const seen = await look();
    if ('good' in seen) return seen.good;
    if (isLast) throw seen.expired;
    return undefined;
  };
  // The time is the workflow's: an activity that is scheduled again does not begin to count again.
  return until(once, { everyMs: POLL_MS, timeoutMs: Infinity, expired: () => new Error('no end') });
}

const unseen = ({ workload, targetSCC }: MigrationTarget, why: string): Error =>
  terminal(
    'rollout',
    `nothing shows in time that ${workload} works under ${targetSCC}: ${why}; set spec.strategy.waitForRun longer, or spec.strategy.trialRun`,
  );

/** A CronJob that is suspended begins no run by itself: nothing is wrong with it, and nothing has shown that it works. */
function unseenRun({ metadata: { name = '' } }: KubeObject): GoodRun {
  const detail = `no run of CronJob ${name} began while it is suspended`;
  return {
    pods: [],
    samples: [{ gate: 'next-run', verdict: 'noData', value: null, detail, at: new Date().toISOString() }],
  };
}

/** What a run that fails may have in common with the one before it, in words. */
const failedBefore = (before: JobRun | undefined): string =>
  before && isFailed(before.job) ? `; the run before it, ${before.job.metadata.name ?? ''}, had failed as well` : '';

/** When a CronJob would begin a run, in words. */
function whenOf(object: KubeObject): string {
  const { schedule, timeZone } = cronJobSchema.parse(object).spec;
  return `by its schedule (${schedule}${timeZone === undefined ? '' : ` ${timeZone}`})`;
}
