import type { KubeObject, ObjectId } from '@scc/kube';
import { canaryAnnotations, durationMs, gateJobName, gateLabels, type JobGate, type PlanRef } from '@scc/plan';
import { z } from 'zod';
import { ownedByPlan } from './copies.js';
import { clusterPodSchema, labelledTemplateSchema, selects, serviceSchema } from './objects.js';

/** Jobs that gates run, as plain decisions. */

/** How long a Job that was judged may stay where nothing took it away, in seconds. */
const KEPT_SECONDS = 600;
/** Labels by which the controller of Jobs knows the pods of each: a copy gets its own. */
const CONTROLLERS = [
  'controller-uid',
  'batch.kubernetes.io/controller-uid',
  'job-name',
  'batch.kubernetes.io/job-name',
];

const jobSpecSchema = z.looseObject({
  template: z.looseObject({}),
  activeDeadlineSeconds: z.int().optional(),
});
const conditionsSchema = z.looseObject({
  status: z
    .looseObject({
      conditions: z
        .array(
          z.looseObject({
            type: z.string(),
            status: z.string(),
            reason: z.string().default(''),
          }),
        )
        .nullish(),
    })
    .nullish(),
});

export const sourceIdOf = ({ from }: Pick<JobGate, 'from'>, namespace: string): ObjectId => ({
  apiVersion: 'batch/v1',
  ...from,
  namespace,
});

/** The `spec` of the Jobs that a CronJob makes, or of a Job. */
function jobSpecOf(source: KubeObject, { from }: Pick<JobGate, 'from'>) {
  if (from.kind === 'Job') return jobSpecSchema.parse(source['spec']);
  const schema = z.looseObject({ jobTemplate: z.looseObject({ spec: jobSpecSchema }) });
  return schema.parse(source['spec']).jobTemplate.spec;
}

const withoutControllers = (labels: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !CONTROLLERS.includes(key)));

/** The labels that the pods of a gate's Job have. */
export function gatePodLabels(source: KubeObject, gate: Pick<JobGate, 'from'>, plan: string): Record<string, string> {
  const { metadata } = labelledTemplateSchema.parse(jobSpecOf(source, gate).template);
  return { ...withoutControllers(metadata.labels), ...gateLabels(plan) };
}

/**
 * The Job of a gate, made of the template of its source. It ends and goes by itself, whatever becomes of the worker that
 * watches it, and goes with its plan.
 */
export function gateJobOf(source: KubeObject, gate: JobGate, ref: PlanRef): KubeObject {
  const {
    selector: _selector,
    manualSelector: _manual,
    suspend: _suspend,
    ...spec
  } = jobSpecOf(source, gate) as z.infer<typeof jobSpecSchema> & Record<string, unknown>;
  const template = labelledTemplateSchema.parse(spec.template);
  const seconds = Math.max(1, Math.ceil(durationMs(gate.timeout) / 1000));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      namespace: ref.namespace,
      name: gateJobName(ref.name, gate.name, gate.at),
      ...ownedByPlan(ref),
      labels: gateLabels(ref.name),
      annotations: canaryAnnotations(ref.name),
    },
    spec: {
      ...spec,
      activeDeadlineSeconds: Math.min(spec.activeDeadlineSeconds ?? seconds, seconds),
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: { ...template, metadata: { ...template.metadata, labels: gatePodLabels(source, gate, ref.name) } },
    },
  };
}

/** Whether a Job was made for a gate of this plan, and not of one that had its name before. */
export function isGateJobOf({ metadata }: KubeObject, ref: PlanRef): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const isMarked = Object.entries(gateLabels(ref.name)).every(([key, value]) => metadata.labels?.[key] === value);
  return isMarked && owner?.uid === ref.uid;
}

/** The Services that would send requests to pods with these labels. */
export const servicesPicking = (services: readonly KubeObject[], labels: Record<string, string>): string[] =>
  services
    .filter((service) => {
      const { selector, type } = serviceSchema.parse(service).spec;
      return type !== 'ExternalName' && selects(selector, labels);
    })
    .map(({ metadata }) => metadata.name ?? '');

/** How containers of a pod ended: their exit codes alone, since what they say of it is not for readers of a plan. */
function badEnds(pod: KubeObject): string[] {
  const { status } = clusterPodSchema.parse(pod);
  return [...status.initContainerStatuses, ...status.containerStatuses].flatMap(({ name, state, lastState }) => {
    const ended = state.terminated ?? lastState.terminated;
    return !ended || ended.exitCode === 0 ? [] : [`container ${name} ended with exit code ${ended.exitCode}`];
  });
}

/** How a gate's Job ended; null while it has not. */
export function endOfGateJob(
  job: KubeObject,
  pods: readonly KubeObject[],
): { verdict: 'pass' | 'fail'; detail: string } | null {
  const conditions = conditionsSchema.parse(job).status?.conditions ?? [];
  const on = (type: string) => conditions.find((one) => one.type === type && one.status === 'True');
  const name = job.metadata.name ?? '';
  if (on('Complete')) return { verdict: 'pass', detail: `Job ${name} completed` };
  const failed = on('Failed');
  if (!failed) return null;
  const why = [...new Set(pods.flatMap(badEnds)), failed.reason].filter(Boolean).join('; ');
  return { verdict: 'fail', detail: `Job ${name} failed${why === '' ? '' : `: ${why}`}` };
}
