import type { PodSCC } from '@scc/plan';
import type { KubeObject } from '@scc/kube';
import { deploymentSchema, isReady, clusterPodSchema, sccOf, type Deployment, type ClusterPod } from './objects.js';

/** How far a Deployment's rollout is; `waiting` says what is missing. */
export type Rollout = { state: 'done' } | { state: 'waiting'; message: string; available: boolean };

const conditionOf = ({ status }: Deployment, type: string) =>
  status.conditions.find((condition) => condition.type === type);

/** That a rollout takes long is no failure: how long it may take is for the plan to say. */
const OVERDUE = 'ProgressDeadlineExceeded';

/** What the API server refused the controller: a pod, or the ReplicaSet itself. */
function refusalOf(deployment: Deployment): string | undefined {
  const [pod, progress] = [conditionOf(deployment, 'ReplicaFailure'), conditionOf(deployment, 'Progressing')];
  if (pod?.status === 'True') return pod.message;
  return progress?.status === 'False' && progress.reason !== OVERDUE ? progress.message : undefined;
}

/**
 * Reads a Deployment's status as `kubectl rollout status` does, but for its progress deadline.
 */
export function rolloutOf(object: KubeObject): Rollout {
  const deployment = deploymentSchema.parse(object);
  const { spec, status } = deployment;
  const generation = object.metadata.generation ?? 0;
  const available = conditionOf(deployment, 'Available')?.status === 'True';
  if (status.observedGeneration < generation)
    return { state: 'waiting', message: 'the controller has not seen the change yet', available };
  const missing = shortfall(spec.replicas, status);
  if (missing === null) return { state: 'done' };
  const refusal = refusalOf(deployment);
  const paused = spec.paused ? ` (it is paused: kubectl rollout resume deployment ${object.metadata.name ?? ''})` : '';
  const why = refusal === undefined ? paused : `: ${refusal}`;
  return { state: 'waiting', message: missing + why, available };
}

function shortfall(wanted: number, status: Deployment['status']): string | null {
  if (status.updatedReplicas < wanted) return `${status.updatedReplicas} of ${wanted} pods have the template`;
  if (status.replicas > status.updatedReplicas)
    return `${status.replicas - status.updatedReplicas} old pods are still there`;
  if (status.availableReplicas < wanted) return `${status.availableReplicas} of ${wanted} pods are available`;
  return null;
}

export interface RolloutPod {
  name: string;
  uid: string;
  scc: string | null;
  node: string | null;
  ready: boolean;
  /** Why a container does not run and will not by waiting, or null. */
  trouble: string | null;
  /** The pod is on its way out. */
  leaving: boolean;
  /** When it was made; empty where the API server does not say. */
  createdAt: string;
}

/** Waiting reasons of a container that more waiting rarely mends. */
const STUCK: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'InvalidImageName',
  'ErrImagePull',
  'ImagePullBackOff',
  'CrashLoopBackOff',
]);

/** Why a pod does not run, in the words of the scheduler, the kubelet or its container; null when it may yet. */
export function troubleOf({ status }: ClusterPod): string | null {
  const scheduled = status.conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') return `${scheduled.reason || 'Unschedulable'}: ${scheduled.message}`;
  for (const { name, state, lastState } of [...status.initContainerStatuses, ...status.containerStatuses]) {
    const ended = state.terminated ?? lastState.terminated;
    if (state.waiting && STUCK.has(state.waiting.reason)) {
      const { reason, message } = state.waiting;
      const exit = ended ? `, last exit code ${ended.exitCode}${ended.reason ? ` (${ended.reason})` : ''}` : '';
      return `container ${name}: ${[reason, message].filter(Boolean).join(' ')}${exit}`;
    }
  }
  return null;
}

/** A pod as far as a migration looks at it. */
export function rolloutPod(item: KubeObject): RolloutPod {
  const pod = clusterPodSchema.parse(item);
  return {
    name: item.metadata.name ?? '',
    uid: item.metadata.uid ?? '',
    scc: sccOf(item),
    node: pod.spec.nodeName ?? null,
    ready: isReady(pod),
    trouble: troubleOf(pod),
    leaving: item.metadata.deletionTimestamp !== undefined,
    createdAt: item.metadata.creationTimestamp ?? '',
  };
}

export const asPodSCC = ({ name, uid, scc, node }: RolloutPod): PodSCC => ({ name, uid, scc, node });

/** The words of pods about why they are not ready, for people. */
export const troubles = (pods: RolloutPod[]): string => {
  const said = [...new Set(pods.flatMap(({ trouble }) => trouble ?? []))];
  return said.length ? ` (${said.join('; ')})` : '';
};

/** Pods that do not run under the target SCC, as text, or null when all do. */
export function strangers(pods: RolloutPod[], targetSCC: string): string | null {
  const wrong = pods.filter(({ scc, leaving }) => !leaving && scc !== targetSCC);
  return wrong.length ? wrong.map(({ name, scc }) => `${name} runs under ${scc ?? 'no SCC'}`).join(', ') : null;
}
