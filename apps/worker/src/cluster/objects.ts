import type { KubeObject, ObjectId } from '@scc/kube';
import { SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';

/** The fields of the objects that the activities read; all other fields pass through untouched. */

const conditionSchema = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
});
/** A ReplicaSet, as far as a rollout looks at it. */
export const replicaSetSchema = z.looseObject({
  spec: z.looseObject({ template: z.looseObject({}) }),
  status: z.looseObject({ conditions: z.array(conditionSchema).default([]) }).prefault({}),
});

const labelsSchema = z.record(z.string(), z.string());
export const labelledTemplateSchema = z.looseObject({
  metadata: z.looseObject({ labels: labelsSchema.default({}), annotations: labelsSchema.default({}) }).prefault({}),
  spec: z.looseObject({
    serviceAccountName: z.string().default('default'),
    priorityClassName: z.string().optional(),
    terminationGracePeriodSeconds: z.int().default(30),
  }),
});
export const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().default(1),
    paused: z.boolean().default(false),
    selector: z.looseObject({
      matchLabels: labelsSchema.default({}),
      matchExpressions: z.array(z.unknown()).optional(),
    }),
    template: labelledTemplateSchema,
  }),
  status: z
    .looseObject({
      observedGeneration: z.int().default(0),
      replicas: z.int().default(0),
      updatedReplicas: z.int().default(0),
      readyReplicas: z.int().default(0),
      availableReplicas: z.int().default(0),
      conditions: z.array(conditionSchema).default([]),
    })
    .prefault({}),
});
export type Deployment = z.infer<typeof deploymentSchema>;

const containerStateSchema = z
  .looseObject({
    waiting: z.looseObject({ reason: z.string().default(''), message: z.string().default('') }).optional(),
    terminated: z
      .looseObject({ reason: z.string().default(''), message: z.string().default(''), exitCode: z.int().default(0) })
      .optional(),
  })
  .default({});
const containerStatusSchema = z.looseObject({
  name: z.string(),
  restartCount: z.int().default(0),
  state: containerStateSchema,
  lastState: containerStateSchema,
});
export const clusterPodSchema = z.looseObject({
  spec: z.looseObject({ nodeName: z.string().optional(), serviceAccountName: z.string().default('default') }),
  status: z
    .looseObject({
      phase: z.string().default('Pending'),
      podIP: z.string().optional(),
      conditions: z.array(conditionSchema).default([]),
      containerStatuses: z.array(containerStatusSchema).default([]),
      initContainerStatuses: z.array(containerStatusSchema).default([]),
    })
    .prefault({}),
});
export type ClusterPod = z.infer<typeof clusterPodSchema>;

export const serviceSchema = z.looseObject({
  spec: z.looseObject({
    selector: labelsSchema.optional(),
    ports: z.array(z.looseObject({ port: z.int() })).default([]),
    type: z.string().default('ClusterIP'),
    sessionAffinity: z.string().default('None'),
  }),
});

export const subjectSchema = z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().optional() });
export const rbacBindingSchema = z.looseObject({
  roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
  subjects: z.array(subjectSchema).default([]),
});

export const sccOf = (object: KubeObject): string | null => object.metadata.annotations?.[SCC_ANNOTATION] ?? null;

export const isReady = ({ status }: ClusterPod): boolean =>
  status.phase === 'Running' &&
  status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True');

export const selects = (selector: Record<string, string> | undefined, labels: Record<string, string>): boolean =>
  selector !== undefined &&
  Object.keys(selector).length > 0 &&
  Object.entries(selector).every(([key, value]) => labels[key] === value);

/** `matchLabels` as a label selector of the API. */
export const selectorText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

const templatedSchema = z.looseObject({
  spec: z.looseObject({
    template: z.record(z.string(), z.unknown()).optional(),
    jobTemplate: z.looseObject({ spec: z.looseObject({ template: z.record(z.string(), z.unknown()) }) }).optional(),
  }),
});

/** The pod template of a workload, as the API server holds it; of a CronJob that of its Jobs. @throws Error without one */
export function podTemplateOf(object: KubeObject): Record<string, unknown> {
  const { template, jobTemplate } = templatedSchema.parse(object).spec;
  const found = template ?? jobTemplate?.spec.template;
  if (!found) throw new Error(`${object.kind} ${object.metadata.name ?? ''} has no pod template`);
  return found;
}

/** Where the pod template of a kind stands in its objects. */
export const templatePathOf = (kind: string): readonly string[] =>
  kind === 'CronJob' ? ['spec', 'jobTemplate', 'spec', 'template'] : ['spec', 'template'];

/** One text per object, the key of its pre-image. */
export const preImageKeyOf = ({ apiVersion, kind, namespace, name }: ObjectId): string =>
  [apiVersion, kind, namespace ?? '', name].join('|');

/** @throws Error when the text was not made by `keyOf`. */
export function idOf(key: string): ObjectId {
  const [apiVersion, kind, namespace, name] = key.split('|');
  if (!apiVersion || !kind || namespace === undefined || !name) throw new Error(`not the key of an object: ${key}`);
  return { apiVersion, kind, ...(namespace ? { namespace } : {}), name };
}
