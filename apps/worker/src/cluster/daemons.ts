import type { KubeClient, KubeObject } from '@scc/kube';
import { z } from 'zod';
import { deploymentSchema, selectorText } from './objects.js';
import type { Return, Stand } from './ordinals.js';
import { rolloutPod, type Rollout } from './rollout.js';
import { isLive, isOwnedBy, type WorkloadPod } from './workload-pods.js';

/** The pods of a DaemonSet, one on each of its nodes, and how far its controller is with them. */

const REVISION_LABEL = 'controller-revision-hash';

export const daemonSetSchema = z.looseObject({
  spec: z.looseObject({
    minReadySeconds: z.int().default(0),
    updateStrategy: z
      .looseObject({ type: z.enum(['RollingUpdate', 'OnDelete']).default('RollingUpdate') })
      .prefault({}),
  }),
  status: z
    .looseObject({
      observedGeneration: z.int().default(0),
      desiredNumberScheduled: z.int().default(0),
      updatedNumberScheduled: z.int().default(0),
      numberAvailable: z.int().default(0),
    })
    .prefault({}),
});
export type DaemonSet = z.infer<typeof daemonSetSchema>;

const revisionSchema = z.looseObject({ revision: z.int().default(0) });

/** The mark that pods of the newest revision of a DaemonSet carry; null while it has none. */
function newestRevision(owner: ReadonlySet<string>, revisions: readonly KubeObject[]): string | null {
  const own = revisions.filter((item) => isOwnedBy(item, owner));
  const newest = own.toSorted((a, b) => revisionSchema.parse(b).revision - revisionSchema.parse(a).revision)[0];
  return newest?.metadata.labels?.[REVISION_LABEL] ?? null;
}

const byNode = (a: WorkloadPod, b: WorkloadPod): number =>
  (a.node ?? '').localeCompare(b.node ?? '') || a.name.localeCompare(b.name);

/** Picks the pods of a DaemonSet out of a namespace's, by owner, in the order of their nodes' names. */
export function nodePods(
  object: KubeObject,
  { pods, revisions }: { pods: readonly KubeObject[]; revisions: readonly KubeObject[] },
  nowMs: number,
): WorkloadPod[] {
  const owner = new Set([object.metadata.uid ?? '']);
  const newest = newestRevision(owner, revisions);
  return pods
    .filter((item) => isOwnedBy(item, owner) && isLive(item, nowMs))
    .map((item) => ({
      ...rolloutPod(item),
      isCurrent: newest !== null && item.metadata.labels?.[REVISION_LABEL] === newest,
    }))
    .toSorted(byNode);
}

/** The live pods of a DaemonSet, in the order of their nodes' names. */
export async function podsOfDaemonSet(kube: Pick<KubeClient, 'list'>, object: KubeObject): Promise<WorkloadPod[]> {
  const { namespace = '' } = object.metadata;
  const labelSelector = selectorText(deploymentSchema.parse(object).spec.selector.matchLabels);
  const [pods, revisions] = await Promise.all([
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector }),
    kube.list({ apiVersion: 'apps/v1', kind: 'ControllerRevision' }, { namespace, labelSelector }),
  ]);
  return nodePods(object, { pods: pods.items, revisions: revisions.items }, Date.now());
}

/** Reads a DaemonSet's status: whether each of its nodes has an available pod of one template. */
export function daemonRolloutOf(object: KubeObject): Rollout {
  const { spec, status } = daemonSetSchema.parse(object);
  const { desiredNumberScheduled: desired, numberAvailable, updatedNumberScheduled } = status;
  const available = numberAvailable >= desired;
  const waiting = (message: string): Rollout => ({ state: 'waiting', message, available });
  if (isUnseen(object)) return waiting('the controller has not seen the change yet');
  if (!available) return waiting(`${numberAvailable} of ${desired} pods are available`);
  if (updatedNumberScheduled < desired) {
    const { type } = spec.updateStrategy;
    return waiting(
      type === 'RollingUpdate'
        ? 'its last change is not rolled out to all of its pods'
        : `${updatedNumberScheduled} of ${desired} pods have its last change (OnDelete)`,
    );
  }
  return { state: 'done' };
}

const isUnseen = (object: KubeObject): boolean =>
  daemonSetSchema.parse(object).status.observedGeneration < (object.metadata.generation ?? 0);

const stays = ({ leaving }: WorkloadPod): boolean => !leaving;
const leftToMove = (pods: readonly WorkloadPod[]): WorkloadPod[] =>
  pods.filter(stays).filter(({ isCurrent }) => !isCurrent);

/** The pod that moves next, so that no more than `left` stay as they were; null when there are no more. */
export type NextPod = { pod: WorkloadPod } | { waiting: string } | null;

/**
 * Chooses the pod that moves next. A pod that is not ready goes first: nothing is lost with it. One that is ready is
 * taken away only while every other node has a ready pod, so that no more than one node is without.
 */
export function nextToMove(object: KubeObject, pods: readonly WorkloadPod[], left: number): NextPod {
  if (isUnseen(object)) return { waiting: 'the controller has not seen the change yet' };
  const old = leftToMove(pods);
  if (old.length <= left) return null;
  const broken = old.find(({ ready }) => !ready);
  if (broken) return { pod: broken };
  const lacking = lackOf(object, pods);
  const [first] = old;
  return lacking === null && first ? { pod: first } : { waiting: lacking ?? 'no pod is there' };
}

/** Why not every node of a DaemonSet has a ready pod, or null. */
function lackOf(object: KubeObject, pods: readonly WorkloadPod[]): string | null {
  const present = pods.filter(stays);
  const unready = present.find(({ ready }) => !ready);
  if (unready) {
    const trouble = unready.trouble === null ? '' : ` (${unready.trouble})`;
    return `pod ${unready.name} on ${unready.node ?? 'no node'} is not ready${trouble}`;
  }
  const { desiredNumberScheduled: desired } = daemonSetSchema.parse(object).status;
  return present.length < desired ? `${present.length} of ${desired} nodes have a pod` : null;
}

/**
 * Whether no more than `left` pods are as they were, and every other one, also on nodes that came meanwhile, runs from
 * the new template, is ready and runs under the target.
 */
export function standOnNodes(
  object: KubeObject,
  pods: readonly WorkloadPod[],
  { left, targetSCC }: { left: number; targetSCC: string },
): Stand<WorkloadPod> {
  if (isUnseen(object)) return { state: 'waiting', message: 'the controller has not seen the change yet' };
  const old = leftToMove(pods);
  const current = pods.filter(stays).filter(({ isCurrent }) => isCurrent);
  const wrong = current.find(({ scc }) => scc !== targetSCC);
  if (wrong)
    return { state: 'wrong', message: `pod ${wrong.name} runs under ${wrong.scc ?? 'no SCC'} instead of ${targetSCC}` };
  if (old.length > left) return { state: 'waiting', message: `pod ${old[0]?.name ?? ''} still has the old template` };
  const lacking = lackOf(object, pods) ?? unavailableOf(object);
  return lacking === null ? { state: 'moved', pods: current } : { state: 'waiting', message: lacking };
}

/** Why not every pod has been ready for as long as its user wants it to be before the next one goes, or null. */
function unavailableOf(object: KubeObject): string | null {
  const { spec, status } = daemonSetSchema.parse(object);
  const { desiredNumberScheduled: desired, numberAvailable } = status;
  if (spec.minReadySeconds === 0 || numberAvailable >= desired) return null;
  return `${numberAvailable} of ${desired} pods are available (minReadySeconds: ${spec.minReadySeconds})`;
}

/** The pod that was made last. */
export const newestOf = (pods: readonly WorkloadPod[]): WorkloadPod | undefined =>
  pods.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || b.name.localeCompare(a.name))[0];

/**
 * What is missing until every node has a ready pod of the template again. Where pods are replaced by deletion alone, a
 * broken one is replaced before anything else, and a healthy one only while all others are ready.
 */
export function returnOnNodes(object: KubeObject, pods: readonly WorkloadPod[]): Return<WorkloadPod> {
  const { updateStrategy } = daemonSetSchema.parse(object).spec;
  const next = nextToMove(object, pods, 0);
  if (next === null) {
    const lacking = lackOf(object, pods);
    return lacking === null ? { state: 'back' } : { state: 'waiting', message: lacking };
  }
  if ('waiting' in next) return { state: 'waiting', message: next.waiting };
  const message = `pod ${next.pod.name} still has the template of the migration`;
  return updateStrategy.type === 'OnDelete'
    ? { state: 'replace', pod: next.pod, message }
    : { state: 'waiting', message };
}

/** Whether nothing is left of the migration, and no more than one node is without a ready pod: it may be lost. */
export function isBackButOne(object: KubeObject, pods: readonly WorkloadPod[]): boolean {
  const { desiredNumberScheduled: desired } = daemonSetSchema.parse(object).status;
  const ready = pods.filter((pod) => stays(pod) && pod.ready && pod.isCurrent).length;
  return !isUnseen(object) && leftToMove(pods).length === 0 && desired > 1 && ready >= desired - 1;
}

/** Why the way in which pods are replaced is not what the migration has set, or null. */
export function deletionDrift(object: KubeObject): string | null {
  const { type } = daemonSetSchema.parse(object).spec.updateStrategy;
  if (type === 'OnDelete') return null;
  return `another client set the update strategy of ${object.metadata.name ?? ''} to ${type} during the migration, which had it at OnDelete`;
}
