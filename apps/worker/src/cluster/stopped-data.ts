import type { KubeClient, KubeObject } from '@scc/kube';
import type { MigrationTarget, OwnersTask } from '@scc/migration/contract';
import { clusterPodSchema, deploymentSchema, selectorText } from './objects.js';
import { podNameAt, podsOfStatefulSet } from './ordinals.js';
import { podSpecAt } from './owners.js';
import { isOwnedBy, podsOfWorkload } from './workload-pods.js';

/** The data of a workload that is stopped while its owners change, and the pods that may still write to it. */

/** Data that is worked on by one Job. */
export interface StoppedData {
  /** Whose it is: of one pod of a StatefulSet, or of a whole Deployment, whose pods have the same claims. */
  of: string;
  index: number;
  /** As a pod mounts it. */
  spec: unknown;
  claims: readonly string[];
}

interface Task {
  target: MigrationTarget;
  owners: OwnersTask;
}

const isShared = ({ kind }: MigrationTarget): boolean => kind === 'Deployment';

/** The data of a workload whose pods are all stopped. @param replicas that it had */
export function dataOfStopped(
  object: KubeObject,
  { target, owners: { volumes } }: Task,
  replicas: number,
): StoppedData[] {
  const { templateBefore, workload } = target;
  if (isShared(target))
    return [{ of: workload, index: 0, spec: podSpecAt(templateBefore, workload, []), claims: volumes }];
  return Array.from({ length: replicas }, (_none, index): StoppedData => {
    const pod = podNameAt(object, index);
    const claims = volumes.map((volume) => `${volume}-${pod}`);
    return { of: pod, index, spec: podSpecAt(templateBefore, pod, volumes), claims };
  });
}

/** The data of a workload beside the pods that mount it now, and why it cannot all be looked at, or null. */
export async function dataOfRunning(
  kube: Pick<KubeClient, 'get' | 'list'>,
  object: KubeObject,
  task: Task,
): Promise<{ all: StoppedData[]; lack: string | null }> {
  const { target } = task;
  const { workload, replicas } = target;
  const pods = isShared(target)
    ? (await podsOfWorkload(kube, object)).pods.filter(({ leaving, ready }) => !leaving && ready).slice(0, 1)
    : await podsOfStatefulSet(kube, object);
  const stopped = dataOfStopped(object, task, replicas);
  const all = await Promise.all(
    stopped.flatMap((data) => {
      const found = pods.find((one) => isShared(target) || one.name === data.of);
      return found ? [beside(kube, target, { data, name: found.name })] : [];
    }),
  );
  const lack = isShared(target)
    ? `no pod of ${workload} is ready now, so that its data cannot be looked at`
    : `${all.length} of ${replicas} pods of ${workload} run now, so that not all of its data can be looked at`;
  return { all, lack: all.length < stopped.length ? lack : null };
}

/** On the node of a pod, as it mounts its data there. */
async function beside(
  kube: Pick<KubeClient, 'get'>,
  { ref: { namespace } }: MigrationTarget,
  { data, name }: { data: StoppedData; name: string },
): Promise<StoppedData> {
  const pod = await kube.get({ apiVersion: 'v1', kind: 'Pod', namespace, name });
  return { ...data, spec: pod?.['spec'] ?? data.spec };
}

/** Pods that may still write to the data: those on a node that is lost, too, and none that has ended. */
export async function podsLeft(
  kube: Pick<KubeClient, 'list'>,
  object: KubeObject,
  target: MigrationTarget,
): Promise<KubeObject[]> {
  const { namespace = '', uid = '' } = object.metadata;
  const labelSelector = selectorText(deploymentSchema.parse(object).spec.selector.matchLabels);
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector });
  if (!isShared(target)) return items.filter((pod) => isOwnedBy(pod, new Set([uid])));
  const sets = await kube.list({ apiVersion: 'apps/v1', kind: 'ReplicaSet' }, { namespace, labelSelector });
  const own = sets.items.filter((set) => isOwnedBy(set, new Set([uid])));
  const makers = new Set(own.map(({ metadata }) => metadata.uid ?? ''));
  // An evicted pod of a Deployment stays for ever, unlike one of a StatefulSet.
  return items.filter((pod) => isOwnedBy(pod, makers) && !hasEnded(pod));
}

const hasEnded = (pod: KubeObject): boolean =>
  ['Failed', 'Succeeded'].includes(clusterPodSchema.parse(pod).status.phase);
