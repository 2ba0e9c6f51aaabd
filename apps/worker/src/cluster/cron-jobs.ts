import type { KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { type ClusterPod, clusterPodSchema, podTemplateOf, sccOf } from './objects.js';
import { rolloutPod, type RolloutPod } from './rollout.js';
import { isOwnedBy } from './workload-pods.js';

/** The runs of a CronJob: its Jobs and their pods, also those that have ended. */

export const cronJobSchema = z.looseObject({
  spec: z.looseObject({
    schedule: z.string(),
    timeZone: z.string().optional(),
    concurrencyPolicy: z.string().default('Allow'),
    startingDeadlineSeconds: z.int().nullish(),
    suspend: z.boolean().default(false),
    jobTemplate: z.looseObject({ spec: z.looseObject({}) }),
  }),
  status: z
    .looseObject({
      lastScheduleTime: z.string().optional(),
      active: z.array(z.unknown()).default([]),
    })
    .prefault({}),
});
export type CronJob = z.infer<typeof cronJobSchema>;

const jobSchema = z.looseObject({
  status: z
    .looseObject({
      completionTime: z.string().optional(),
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string(), message: z.string().default('') }))
        .nullish(),
    })
    .nullish(),
});
const annotatedSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).default({}) }).prefault({}),
});

/** A Job and its pods. */
export interface JobRun {
  job: KubeObject;
  pods: KubeObject[];
}

export const createdMs = ({ metadata }: KubeObject): number => Date.parse(metadata.creationTimestamp ?? '');

/** The runs that a CronJob's controller has made, the newest first. */
export function runsAmong(object: KubeObject, { jobs, pods }: { jobs: KubeObject[]; pods: KubeObject[] }): JobRun[] {
  const owner = new Set([object.metadata.uid ?? '']);
  return jobs
    .filter((job) => isOwnedBy(job, owner) && !isCanaryObject(job.metadata))
    .toSorted((a, b) => createdMs(b) - createdMs(a))
    .map((job) => runOf(job, pods));
}

export function runOf(job: KubeObject, pods: readonly KubeObject[]): JobRun {
  const owner = new Set([job.metadata.uid ?? '']);
  return { job, pods: pods.filter((pod) => isOwnedBy(pod, owner)) };
}

/** All that runs of a namespace are made of. */
export async function readRuns(kube: Pick<KubeClient, 'list'>, namespace: string) {
  const [jobs, pods] = await Promise.all([
    kube.list({ apiVersion: 'batch/v1', kind: 'Job' }, { namespace }),
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace }),
  ]);
  return { jobs: jobs.items, pods: pods.items };
}

/** Whether a Job was made from a template that asks for an SCC. */
export const asksFor = (job: KubeObject, scc: string): boolean =>
  annotatedSchema.parse(podTemplateOf(job)).metadata.annotations[REQUIRED_SCC_ANNOTATION] === scc;

/** Whether a Job is not older than a time in milliseconds since the epoch; the API server keeps whole seconds. */
export const isSince = (job: KubeObject, sinceMs: number): boolean =>
  createdMs(job) >= Math.floor(sinceMs / 1000) * 1000;

/**
 * The time of a run that has ended since then and whose Job is gone, as its CronJob's controller wrote it; null where
 * there is none.
 * @param runs read after the CronJob: the Job of a run that it knows of is there then, or was removed
 * @param sinceMs 0 where it is not known
 */
export function lostSince(object: KubeObject, runs: readonly JobRun[], sinceMs: number): string | null {
  const { lastScheduleTime, active } = cronJobSchema.parse(object).status;
  if (lastScheduleTime === undefined || active.length > 0 || sinceMs === 0) return null;
  const beganMs = Date.parse(lastScheduleTime);
  return beganMs > sinceMs && !runs.some(({ job }) => isSince(job, beganMs)) ? lastScheduleTime : null;
}

/** When a client last wrote fields of an object, in milliseconds since the epoch; 0 where that is not known. */
export function lastWriteMs({ metadata: { managedFields = [] } }: KubeObject, manager: string): number {
  const times = managedFields
    .filter((entry) => entry.manager === manager && !entry.subresource)
    .map(({ time = '' }) => Date.parse(time));
  return Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
}

/** The pods of the newest run that has any, whether they still run or have ended. */
export function lastPods(runs: readonly JobRun[]): RolloutPod[] {
  const newest = runs.find(({ pods }) => pods.length > 0);
  return (newest?.pods ?? []).map((item) => ({ ...rolloutPod(item), ...endOf(clusterPodSchema.parse(item)) }));
}

/** The end of a pod that has ended, as far as it says more than the pod did before. */
function endOf(pod: ClusterPod): Partial<RolloutPod> {
  if (pod.status.phase === 'Succeeded') return { ready: true };
  return pod.status.phase === 'Failed' ? { trouble: badEnds(pod).join('; ') || 'it failed' } : {};
}

/** How a run stands. */
export type RunStand =
  | { state: 'waiting'; message: string }
  /** A pod of it runs under another SCC. */
  | { state: 'wrong'; message: string }
  | { state: 'ended'; isGood: boolean; message: string };

/** How containers of a pod ended that did not end well, in words. */
function badEnds({ status }: ClusterPod): string[] {
  return [...status.initContainerStatuses, ...status.containerStatuses].flatMap(({ name, state, lastState }) => {
    const ended = state.terminated ?? lastState.terminated;
    if (!ended || ended.exitCode === 0) return [];
    const why = [ended.reason, ended.message].filter(Boolean).join(': ');
    return [`container ${name} ended with exit code ${ended.exitCode}${why === '' ? '' : ` (${why})`}`];
  });
}

const conditionOf = (job: KubeObject, type: string) =>
  jobSchema.parse(job).status?.conditions?.find((one) => one.type === type && one.status === 'True');

/** Whether a Job has failed for good. */
export const isFailed = (job: KubeObject): boolean => conditionOf(job, 'Failed') !== undefined;

/** Whether a Job makes no pod any more: it has succeeded, or failed for good. */
export const isJobOver = (job: KubeObject): boolean =>
  jobSchema.parse(job).status?.completionTime !== undefined || isFailed(job);

/** The run beside which a CronJob lets no other begin, in words; empty where there is none. */
export function heldUpBy(object: KubeObject, runs: readonly JobRun[]): string {
  if (cronJobSchema.parse(object).spec.concurrencyPolicy !== 'Forbid') return '';
  const lasting = runs.find(({ job }) => !isJobOver(job));
  return lasting ? ` while its run ${lasting.job.metadata.name ?? ''} lasts (concurrencyPolicy: Forbid)` : '';
}

/** Within this the controller of CronJobs looks at each of them, in seconds. */
const LOOKED_AT_S = 10;

/** The deadline by which a CronJob's runs must begin, where it may be over before anybody looks, in words; else empty. */
export function missedBy({ startingDeadlineSeconds: seconds }: CronJob['spec']): string {
  if (seconds == null || seconds >= LOOKED_AT_S) return '';
  return ` (its startingDeadlineSeconds is ${seconds}: a run that the controller does not begin within ${seconds} s is left out)`;
}

/** Reads how far a run is, by the conditions of its Job and the state of its pods. */
export function standOfRun({ job, pods }: JobRun, targetSCC: string): RunStand {
  const name = job.metadata.name ?? '';
  const wrong = pods.find((pod) => sccOf(pod) !== targetSCC);
  if (wrong)
    return {
      state: 'wrong',
      message: `pod ${wrong.metadata.name ?? ''} of run ${name} runs under ${sccOf(wrong) ?? 'no SCC'} instead of ${targetSCC}`,
    };
  const ends = [...new Set(pods.flatMap((pod) => badEnds(clusterPodSchema.parse(pod))))];
  const failed = conditionOf(job, 'Failed');
  if (failed) {
    const said = [...ends, failed.message].filter(Boolean).join('; ');
    return { state: 'ended', isGood: false, message: `run ${name} failed${said === '' ? '' : `: ${said}`}` };
  }
  if (conditionOf(job, 'Complete'))
    return pods.length === 0
      ? { state: 'ended', isGood: false, message: `the pods of run ${name} are gone, so that nothing shows their SCC` }
      : { state: 'ended', isGood: true, message: `run ${name} ended well` };
  const troubles = pods.map(rolloutPod).flatMap(({ trouble }) => trouble ?? []);
  const why = [...ends, ...troubles].join('; ') || (pods.length === 0 ? 'it has no pod yet' : 'it has not ended');
  return { state: 'waiting', message: `run ${name}: ${why}` };
}
