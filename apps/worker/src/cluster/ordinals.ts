import type { KubeClient, KubeObject } from '@scc/kube';
import { z } from 'zod';
import { deploymentSchema, selectorText } from './objects.js';
import { rolloutPod, type Rollout } from './rollout.js';
import { isLive, isOwnedBy, type WorkloadPod } from './workload-pods.js';

/** The pods of a StatefulSet, and how far its controller is with them. */

const REVISION_LABEL = 'controller-revision-hash';

export const statefulSetSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().default(1),
    serviceName: z.string().default(''),
    podManagementPolicy: z.enum(['OrderedReady', 'Parallel']).default('OrderedReady'),
    ordinals: z.looseObject({ start: z.int().default(0) }).prefault({}),
    updateStrategy: z
      .looseObject({
        type: z.enum(['RollingUpdate', 'OnDelete']).default('RollingUpdate'),
        rollingUpdate: z.looseObject({ partition: z.int().default(0) }).prefault({}),
      })
      .prefault({}),
    volumeClaimTemplates: z
      .array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) }))
      .nullish()
      .transform((claims) => claims ?? []),
  }),
  status: z
    .looseObject({
      observedGeneration: z.int().default(0),
      replicas: z.int().default(0),
      availableReplicas: z.int().default(0),
      updatedReplicas: z.int().default(0),
      currentRevision: z.string().default(''),
      updateRevision: z.string().default(''),
    })
    .prefault({}),
});
export type StatefulSet = z.infer<typeof statefulSetSchema>;

/** How many pods a StatefulSet or a Deployment shall have. */
export const replicasOf = (object: KubeObject): number => statefulSetSchema.parse(object).spec.replicas;

/** The pod at an index: the first one has index 0 whatever its ordinal is. */
export const podNameAt = (object: KubeObject, index: number): string =>
  `${object.metadata.name ?? ''}-${statefulSetSchema.parse(object).spec.ordinals.start + index}`;

/** A pod with its place among those of its StatefulSet. */
export interface OrdinalPod extends WorkloadPod {
  index: number;
  ordinal: number;
  /** Restarts of its containers. */
  restarts: number;
}

const restartsOf = (item: KubeObject): number => {
  const { containerStatuses = [] } = (item['status'] ?? {}) as { containerStatuses?: { restartCount?: number }[] };
  return containerStatuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
};

/** Picks the pods of a StatefulSet out of a namespace's, by owner, the lowest ordinal first. */
export function ordinalPods(object: KubeObject, pods: readonly KubeObject[], nowMs: number): OrdinalPod[] {
  const { spec, status } = statefulSetSchema.parse(object);
  const owner = new Set([object.metadata.uid ?? '']);
  return pods
    .filter((item) => isOwnedBy(item, owner) && isLive(item, nowMs))
    .map((item): OrdinalPod => {
      const ordinal = Number((item.metadata.name ?? '').split('-').at(-1));
      const isCurrent = item.metadata.labels?.[REVISION_LABEL] === status.updateRevision;
      return {
        ...rolloutPod(item),
        isCurrent,
        ordinal,
        index: ordinal - spec.ordinals.start,
        restarts: restartsOf(item),
      };
    })
    .toSorted((a, b) => a.index - b.index);
}

/** The live pods of a StatefulSet, the lowest ordinal first. */
export async function podsOfStatefulSet(kube: Pick<KubeClient, 'list'>, object: KubeObject): Promise<OrdinalPod[]> {
  const { namespace = '' } = object.metadata;
  const labelSelector = selectorText(deploymentSchema.parse(object).spec.selector.matchLabels);
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector });
  return ordinalPods(object, items, Date.now());
}

/** Reads a StatefulSet's status: whether all of its pods are there, available and of one revision. */
export function orderedRolloutOf(object: KubeObject): Rollout {
  const { spec, status } = statefulSetSchema.parse(object);
  const available = status.availableReplicas >= spec.replicas;
  const waiting = (message: string): Rollout => ({ state: 'waiting', message, available });
  if (status.observedGeneration < (object.metadata.generation ?? 0))
    return waiting('the controller has not seen the change yet');
  if (status.replicas > spec.replicas) return waiting(`${status.replicas - spec.replicas} pods are too many`);
  if (!available) return waiting(`${status.availableReplicas} of ${spec.replicas} pods are available`);
  if (spec.updateStrategy.type === 'RollingUpdate' && status.currentRevision !== status.updateRevision)
    return waiting('its last change is not rolled out to all of its pods');
  // Its controller takes no revision as the current one by itself: the pods are counted.
  if (spec.updateStrategy.type === 'OnDelete' && status.updatedReplicas < spec.replicas)
    return waiting(`${status.updatedReplicas} of ${spec.replicas} pods have its last change (OnDelete)`);
  return { state: 'done' };
}

/** The reason that keeps the pods from an index up from counting as moved. */
export type Stand<Pod = OrdinalPod> =
  | { state: 'moved'; pods: Pod[] }
  | { state: 'waiting'; message: string }
  /** Waiting does not change it. */
  | { state: 'wrong'; message: string };

/**
 * Whether every pod from an index up runs from the new template, is ready and runs under the target. A StatefulSet that
 * was scaled up meanwhile has more of them; one that was scaled down below the index has none.
 */
export function standOf(
  object: KubeObject,
  pods: readonly OrdinalPod[],
  { index, targetSCC }: { index: number; targetSCC: string },
): Stand {
  const { spec, status } = statefulSetSchema.parse(object);
  if (status.observedGeneration < (object.metadata.generation ?? 0))
    return { state: 'waiting', message: 'the controller has not seen the change yet' };
  const found: OrdinalPod[] = [];
  for (let at = index; at < spec.replicas; at++) {
    const pod = pods.find((one) => one.index === at && !one.leaving);
    const name = podNameAt(object, at);
    if (!pod) return { state: 'waiting', message: `pod ${name} is not there yet` };
    if (!pod.isCurrent) return { state: 'waiting', message: `pod ${name} still has the old template` };
    if (pod.scc !== targetSCC)
      return { state: 'wrong', message: `pod ${name} runs under ${pod.scc ?? 'no SCC'} instead of ${targetSCC}` };
    if (!pod.ready)
      return {
        state: 'waiting',
        message: `pod ${name} is not ready${pod.trouble === null ? '' : ` (${pod.trouble})`}`,
      };
    found.push(pod);
  }
  if (status.availableReplicas < spec.replicas)
    return { state: 'waiting', message: `${status.availableReplicas} of ${spec.replicas} pods are available` };
  return { state: 'moved', pods: found };
}

/** How the pods of a StatefulSet go back to the template that it has again. */
export type Return<Pod = OrdinalPod> =
  | { state: 'back' }
  | { state: 'waiting'; message: string }
  /** The controller does not replace this pod by itself: it waits for a broken one, or for whoever deletes it. */
  | { state: 'replace'; pod: Pod; message: string };

/**
 * What is missing until every pod runs from the template and is ready. A broken pod of another template is replaced
 * before anything else; a healthy one only where nothing else does it, the highest first, and while all others are ready.
 */
export function returnOf(object: KubeObject, pods: readonly OrdinalPod[]): Return {
  const { spec, status } = statefulSetSchema.parse(object);
  if (status.observedGeneration < (object.metadata.generation ?? 0))
    return { state: 'waiting', message: 'the controller has not seen the change yet' };
  const old = pods.filter(({ isCurrent, leaving }) => !isCurrent && !leaving);
  const broken = old.findLast(({ ready }) => !ready);
  if (broken) return { state: 'replace', pod: broken, message: `pod ${broken.name} is broken` };
  const settled = pods.filter(({ isCurrent, ready, leaving }) => isCurrent && ready && !leaving);
  const highest = old.at(-1);
  if (highest) {
    const message = `pod ${highest.name} still has the template of the migration`;
    const isIts = spec.updateStrategy.type === 'OnDelete' && settled.length + old.length >= spec.replicas;
    return isIts ? { state: 'replace', pod: highest, message } : { state: 'waiting', message };
  }
  if (settled.length >= spec.replicas) return { state: 'back' };
  return { state: 'waiting', message: `${settled.length} of ${spec.replicas} pods are ready` };
}

/** Why the partition, or the way in which pods are replaced, is not what the migration has set, or null. */
export function partitionDrift(object: KubeObject, expected: readonly number[]): string | null {
  const { type, rollingUpdate } = statefulSetSchema.parse(object).spec.updateStrategy;
  if (type === 'OnDelete' || expected.includes(rollingUpdate.partition)) return null;
  return `another client set the partition of ${object.metadata.name ?? ''} to ${rollingUpdate.partition} during the migration, which had it at ${expected.at(-1) ?? ''}`;
}
