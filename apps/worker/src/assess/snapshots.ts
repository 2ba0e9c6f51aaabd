import { isForbidden, isNotFound, type KubeClient } from '@scc/kube';
import type { Violation } from '@scc/plan';
import { messageOf } from '@scc/runtime';
import { SNAPSHOT_TYPE } from '../cluster/snapshots.js';
import type { AssessedWorkload, Facts } from './facts.js';

const impossible = (why: string, remedy: string): Violation => ({
  code: 'SnapshotNotPossible',
  field: 'spec.volumes.snapshot',
  message: `no snapshot can be taken of its data: ${why}`,
  remedy,
});

/** Finds before anything is touched whether the snapshots that a plan wants can be taken. */
export async function reviewSnapshots(
  kube: Pick<KubeClient, 'list'>,
  { ref, spec }: Facts,
  { object, ordered }: AssessedWorkload,
): Promise<Violation[]> {
  if (!spec.volumes?.snapshot) return [];
  if (!ordered?.volumeClaimTemplates.length) {
    const name = `${object.kind} ${object.metadata.name ?? ''}`;
    return [impossible(`${name} has no claims that each belong to one pod`, 'Leave spec.volumes.snapshot out.')];
  }
  try {
    await kube.list(SNAPSHOT_TYPE, { namespace: ref.namespace });
    return [];
  } catch (error) {
    if (isNotFound(error))
      return [
        impossible(
          'the cluster does not serve snapshot.storage.k8s.io/v1',
          'Install the CSI snapshot controller and its CRDs, or leave spec.volumes.snapshot out.',
        ),
      ];
    if (isForbidden(error)) return [impossible(messageOf(error), 'Give the worker the right that is named.')];
    throw error;
  }
}
