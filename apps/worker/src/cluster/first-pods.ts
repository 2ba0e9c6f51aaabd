import type { KubeClient, KubeObject } from '@scc/kube';
import type { MigratedKind } from '@scc/plan';
import { daemonSetSchema, podsOfDaemonSet, standOnNodes } from './daemons.js';
import { deploymentSchema } from './objects.js';
import { podsOfStatefulSet, type Stand, standOf } from './ordinals.js';
import { podsOfRolling, standOfRolling } from './rolling.js';
import type { WorkloadPod } from './workload-pods.js';

/** The first pods of a workload that had none: one that was scaled to zero, or that no node ran. */

type Kind = Exclude<MigratedKind, 'CronJob'>;

/** How the first pods stand; `refusal` is why the API server makes no further one. */
export interface FirstPods {
  stand: Stand<WorkloadPod> | { state: 'idle' };
  refusal: string | null;
}

/** The pods that a workload wants now. */
export const wantedBy = (kind: MigratedKind, object: KubeObject): number =>
  kind === 'DaemonSet'
    ? daemonSetSchema.parse(object).status.desiredNumberScheduled
    : deploymentSchema.parse(object).spec.replicas;

/** The live pods of a workload, and why the API server makes no further one, where that is known. */
export async function podsOfKind(
  kube: Pick<KubeClient, 'list'>,
  kind: Kind,
  object: KubeObject,
): Promise<{ pods: WorkloadPod[]; refusal: string | null }> {
  if (kind === 'Deployment') return podsOfRolling(kube, object);
  const pods = await (kind === 'DaemonSet' ? podsOfDaemonSet : podsOfStatefulSet)(kube, object);
  return { pods, refusal: null };
}

type Look = (kube: Pick<KubeClient, 'list'>, object: KubeObject, targetSCC: string) => Promise<FirstPods>;

const LOOKS: Record<Kind, Look> = {
  Deployment: async (kube, object, targetSCC) => {
    const { pods, refusal } = await podsOfRolling(kube, object);
    return { stand: standOfRolling(object, pods, { wanted: 0, all: true, targetSCC }), refusal };
  },
  StatefulSet: async (kube, object, targetSCC) => {
    const pods = await podsOfStatefulSet(kube, object);
    return { stand: standOf(object, pods, { index: 0, targetSCC }), refusal: null };
  },
  DaemonSet: async (kube, object, targetSCC) => {
    const pods = await podsOfDaemonSet(kube, object);
    return { stand: standOnNodes(object, pods, { left: 0, targetSCC }), refusal: null };
  },
};

/** Whether every pod that a workload wants runs from its template, is ready and under the target; idle while it wants none. */
export async function lookAtFirstPods(
  kube: Pick<KubeClient, 'list'>,
  object: KubeObject,
  { kind, targetSCC }: { kind: MigratedKind; targetSCC: string },
): Promise<FirstPods> {
  if (kind === 'CronJob') throw new TypeError('a CronJob has runs, and no pods of its own');
  if (wantedBy(kind, object) === 0) return { stand: { state: 'idle' }, refusal: null };
  return LOOKS[kind](kube, object, targetSCC);
}
