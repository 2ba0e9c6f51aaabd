import { isConflict, type KubeClient, type KubeObject } from '@scc/kube';
import { snapshotName } from '@scc/plan';
import type { MigrationTarget } from '@scc/migration/contract';
import { isSnapshotOf, lackOfSnapshot, SNAPSHOT_TYPE, snapshotOf } from '../cluster/snapshots.js';
import { terminal } from '../failures.js';
import { until } from './pace.js';

const POLL_MS = 1_000;
/** How long a snapshot may take, in milliseconds. */
const READY_MS = 10 * 60_000;

/**
 * Takes the snapshots of a pod's claims, each once, and waits until they can be used. They are kept, whatever becomes of
 * the plan.
 * @throws ApplicationFailure terminal, when one cannot be used in time
 */
export async function takeSnapshots(kube: KubeClient, target: MigrationTarget, pod: string): Promise<void> {
  const { snapshot, claimTemplates = [] } = target;
  if (!snapshot) return;
  for (const template of claimTemplates) await taken(kube, target, `${template}-${pod}`);
}

async function taken(kube: KubeClient, { ref, snapshot }: MigrationTarget, claim: string): Promise<void> {
  const name = snapshotName(ref.name, claim);
  const read = () => kube.get({ ...SNAPSHOT_TYPE, namespace: ref.namespace, name });
  if (!(await read())) await created(kube, snapshotOf(ref, claim, snapshot?.className));
  let lack = 'it was not seen yet';
  const look = async (): Promise<true | undefined> => {
    const found = await read();
    if (!found) throw terminal('drift', `VolumeSnapshot ${name} was deleted before it could be used`);
    if (!isSnapshotOf(found, ref))
      throw terminal('drift', `VolumeSnapshot ${name} exists and is none of this plan's: remove or rename it`);
    const now = lackOfSnapshot(found);
    lack = now ?? lack;
    return now === null ? true : undefined;
  };
  const expired = () =>
    terminal('rollout', `VolumeSnapshot ${name} cannot be used after ${READY_MS / 60_000} min: ${lack}`);
  await until(look, { everyMs: POLL_MS, timeoutMs: READY_MS, expired });
}

/** Another try of this activity may have made it. */
const created = async (kube: KubeClient, snapshot: KubeObject): Promise<void> => {
  try {
    await kube.create(snapshot);
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
};
