import { isForbidden, isNotFound, type KubeClient } from '@scc/kube';
import type { Violation } from '@scc/plan';
import { messageOf, pause } from '@scc/runtime';
import { SNAPSHOT_TYPE } from '../cluster/snapshots.js';
import type { AssessedWorkload, Facts } from './facts.js';

const impossible = (why: string, remedy: string): Violation => ({
  code: 'SnapshotNotPossible',
  field: 'spec.volumes.snapshot',
  message: `no snapshot can be taken of its data: ${why}`,
  remedy,
});

/** Longer than the client keeps the answer that a kind is not served, in milliseconds. */
const AGAIN_MS = 1100;

/**
 * Finds before anything is touched whether the snapshots that a plan wants can be taken. Where none are served it asks
 * once more: the plan may have come right after the CRDs.
 */
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
  const look = (): Promise<unknown> => kube.list(SNAPSHOT_TYPE, { namespace: ref.namespace });
  try {
    await look().catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error;
      await pause(AGAIN_MS);
      await look();
    });
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
