import type { PodSCC } from '@scc/plan';
import type { KubeClient, KubeObject } from '@scc/kube';
import { deploymentSchema, isReady, podSchema, sccOf, selectorText, type Deployment, type Pod } from './objects.js';

/** How far a Deployment's rollout is. `failed` cannot mend itself; `waiting` says what is missing. */
export type Rollout =
  | { state: 'done' }
  | { state: 'waiting'; message: string; available: boolean }
  | { state: 'refused'; message: string }
  | { state: 'failed'; message: string };

const conditionOf = ({ status }: Deployment, type: string) =>
  status.conditions.find((condition) => condition.type === type);

/** Reads a Deployment's status as `kubectl rollout status` does, and tells a refusal by admission apart. */
export function rolloutOf(object: KubeObject): Rollout {
  const deployment = deploymentSchema.parse(object);
  const { spec, status } = deployment;
  const generation = object.metadata.generation ?? 0;
  const available = conditionOf(deployment, 'Available')?.status === 'True';
  if (status.observedGeneration < generation)
    return { state: 'waiting', message: 'the controller has not seen the change yet', available };
  const refusal = conditionOf(deployment, 'ReplicaFailure');
  if (refusal?.status === 'True') return { state: 'refused', message: refusal.message };
  const progress = conditionOf(deployment, 'Progressing');
  if (progress?.status === 'False') return { state: 'failed', message: `${progress.reason}: ${progress.message}` };
  const missing = shortfall(spec.replicas, status);
  return missing === null ? { state: 'done' } : { state: 'waiting', message: missing, available };
}

function shortfall(wanted: number, status: Deployment['status']): string | null {
  if (status.updatedReplicas < wanted) return `${status.updatedReplicas} of ${wanted} pods have the template`;
  if (status.replicas > status.updatedReplicas)
    return `${status.replicas - status.updatedReplicas} old pods are still there`;
  if (status.availableReplicas < wanted) return `${status.availableReplicas} of ${wanted} pods are available`;
  return null;
}

export interface SeenPod {
  name: string;
  uid: string;
  scc: string | null;
  node: string | null;
  ready: boolean;
  /** Why a container does not run and will not by waiting, or null. */
  trouble: string | null;
  /** The pod is on its way out. */
  leaving: boolean;
}

/** Waiting reasons of a container that more waiting rarely mends. */
const STUCK: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'InvalidImageName',
  'CrashLoopBackOff',
]);

function troubleOf({ status }: Pod): string | null {
  for (const container of [...status.initContainerStatuses, ...status.containerStatuses]) {
    const waiting = container.state.waiting;
    if (waiting && STUCK.has(waiting.reason))
      return `container ${container.name}: ${waiting.reason} ${waiting.message}`.trim();
  }
  return null;
}

/** The pods that a label selector picks, as far as a migration looks at them. */
export async function podsOf(kube: KubeClient, namespace: string, labels: Record<string, string>): Promise<SeenPod[]> {
  const { items } = await kube.list(
    { apiVersion: 'v1', kind: 'Pod' },
    { namespace, labelSelector: selectorText(labels) },
  );
  return items.map((item) => {
    const pod = podSchema.parse(item);
    return {
      name: item.metadata.name ?? '',
      uid: item.metadata.uid ?? '',
      scc: sccOf(item),
      node: pod.spec.nodeName ?? null,
      ready: isReady(pod),
      trouble: troubleOf(pod),
      leaving: item.metadata.deletionTimestamp !== undefined,
    };
  });
}

export const asPodSCC = ({ name, uid, scc, node }: SeenPod): PodSCC => ({ name, uid, scc, node });

/** What pods say about why they are not ready, for people. */
export const troubles = (pods: SeenPod[]): string => {
  const said = [...new Set(pods.flatMap(({ trouble }) => trouble ?? []))];
  return said.length ? ` (${said.join('; ')})` : '';
};

/** Pods that do not run under the target SCC, as text, or null when all do. */
export function strangers(pods: SeenPod[], targetSCC: string): string | null {
  const wrong = pods.filter(({ scc, leaving }) => !leaving && scc !== targetSCC);
  return wrong.length ? wrong.map(({ name, scc }) => `${name} runs under ${scc ?? 'no SCC'}`).join(', ') : null;
}
