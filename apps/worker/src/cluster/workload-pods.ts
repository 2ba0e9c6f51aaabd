import { isDeepStrictEqual } from 'node:util';
import type { KubeClient, KubeObject } from '@scc/kube';
import { deploymentSchema, clusterPodSchema, replicaSetSchema, selectorText } from './objects.js';
import { rolloutPod, type RolloutPod } from './rollout.js';

/** How long after its end by the clock a pod that is still there belongs to a node that is lost, in milliseconds. */
const LOST_AFTER_MS = 60_000;
const HASH_LABEL = 'pod-template-hash';

export interface WorkloadPod extends RolloutPod {
  /** Whether the pod was made from the template that the workload has now. */
  isCurrent: boolean;
}

/** The live pods of one Deployment, and what its current ReplicaSet says when it cannot make more. */
export interface WorkloadPods {
  pods: WorkloadPod[];
  /** Why the API server refuses pods of the current template, or null. */
  refusal: string | null;
}

/** A pod that can still run: not ended or evicted, and not left behind by a node that is lost. */
export function isLive(item: KubeObject, nowMs: number): boolean {
  const { phase } = clusterPodSchema.parse(item).status;
  if (phase === 'Failed' || phase === 'Succeeded') return false;
  const { deletionTimestamp } = item.metadata;
  return deletionTimestamp === undefined || Date.parse(deletionTimestamp) + LOST_AFTER_MS > nowMs;
}

export const isOwnedBy = (item: KubeObject, uids: ReadonlySet<string>): boolean =>
  (item.metadata.ownerReferences ?? []).some(({ controller, uid }) => controller === true && uids.has(uid));

/** A template without the mark that the Deployment's controller adds. */
function unmarked(template: unknown): unknown {
  const { metadata = {}, ...rest } = template as { metadata?: { labels?: Record<string, string> } };
  const labels = Object.entries(metadata.labels ?? {}).filter(([key]) => key !== HASH_LABEL);
  return { ...rest, metadata: { ...metadata, labels: Object.fromEntries(labels) } };
}

/** Picks the workload's own pods and ReplicaSets out of a namespace's, by owner; labels alone prove nothing. */
export function ownPods(
  workload: KubeObject,
  { replicaSets, pods }: { replicaSets: KubeObject[]; pods: KubeObject[] },
  nowMs: number,
): WorkloadPods {
  const { template } = deploymentSchema.parse(workload).spec;
  const own = replicaSets.filter((item) => isOwnedBy(item, new Set([workload.metadata.uid ?? ''])));
  const wanted = unmarked((workload['spec'] as { template: unknown }).template ?? template);
  const current = own.find((item) => isDeepStrictEqual(unmarked(replicaSetSchema.parse(item).spec.template), wanted));
  const all = new Set(own.map(({ metadata }) => metadata.uid ?? ''));
  const now = new Set(current ? [current.metadata.uid ?? ''] : []);
  const failure = current
    ? replicaSetSchema.parse(current).status.conditions.find(({ type }) => type === 'ReplicaFailure')
    : undefined;
  return {
    pods: pods
      .filter((item) => isOwnedBy(item, all) && isLive(item, nowMs))
      .map((item) => ({ ...rolloutPod(item), isCurrent: isOwnedBy(item, now) })),
    refusal: failure?.status === 'True' ? failure.message : null,
  };
}

/** The live pods of a Deployment by owner and template: the one answer to whose pods they are. */
export async function podsOfWorkload(kube: Pick<KubeClient, 'list'>, workload: KubeObject): Promise<WorkloadPods> {
  const { namespace = '' } = workload.metadata;
  const labelSelector = selectorText(deploymentSchema.parse(workload).spec.selector.matchLabels);
  const [replicaSets, pods] = await Promise.all([
    kube.list({ apiVersion: 'apps/v1', kind: 'ReplicaSet' }, { namespace, labelSelector }),
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector }),
  ]);
  return ownPods(workload, { replicaSets: replicaSets.items, pods: pods.items }, Date.now());
}

/** The live pods that a label selector picks, of all owners: for what must be gone, not for what must be proven. */
export async function livePods(
  kube: KubeClient,
  namespace: string,
  labels: Record<string, string>,
): Promise<RolloutPod[]> {
  const { items } = await kube.list(
    { apiVersion: 'v1', kind: 'Pod' },
    { namespace, labelSelector: selectorText(labels) },
  );
  return items.filter((item) => isLive(item, Date.now())).map(rolloutPod);
}
