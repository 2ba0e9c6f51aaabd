import { asyncLocalStorage } from '@temporalio/activity';
import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { PLAN_LABEL, PLAN_UID_ANNOTATION } from '@scc/plan';
import { aWholeTarget } from '@scc/migration/testing';
import { activityContext } from '@scc/testing/activity-context';
import { takeSnapshots } from './snapshots.js';

const ref = { namespace: 'shop', name: 'move', uid: 'u1' };
type Status = Record<string, unknown>;

/** A namespace whose snapshots say of themselves what a test wants, one look after the other. */
function world(statuses: (Status | undefined)[], existing?: KubeObject) {
  const made: KubeObject[] = [];
  let kept = existing;
  const client: Partial<KubeClient> = {
    get: () => Promise.resolve(kept && { ...kept, status: statuses.length > 1 ? statuses.shift() : statuses[0] }),
    create: (object) => {
      if (kept) return Promise.reject(new KubeError(409, { message: 'exists', reason: 'AlreadyExists' }));
      kept = object;
      made.push(object);
      return Promise.resolve(object);
    },
  };
  const take = (agoMs = 0, className?: string) =>
    asyncLocalStorage.run(
      activityContext({ workflowExecution: { workflowId: 'scc/shop/move/u1', runId: 'r1' }, agoMs }),
      () =>
        takeSnapshots(
          client as KubeClient,
          { ...aWholeTarget(), ref, claimTemplates: ['data'], snapshot: { className } },
          'ledger-2',
        ),
    );
  return { made, take };
}
const snapshot = (uid: string): KubeObject => ({
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshot',
  metadata: { name: 'move-data-ledger-2', namespace: 'shop', annotations: { [PLAN_UID_ANNOTATION]: uid } },
});

describe('the snapshots of a pod', () => {
  it('are taken of its own claims, and waited for until they can be used', async () => {
    const { made, take } = world([undefined, { readyToUse: false }, { readyToUse: true }]);
    await take(0, 'fast');
    expect(made).toMatchObject([
      {
        metadata: { name: 'move-data-ledger-2', labels: { [PLAN_LABEL]: 'move' } },
        spec: { volumeSnapshotClassName: 'fast', source: { persistentVolumeClaimName: 'data-ledger-2' } },
      },
    ]);
    // They are to outlive their plan.
    expect(made[0]?.metadata.ownerReferences).toBeUndefined();
  });

  it('are taken once, also by a worker that takes over', async () => {
    const { made, take } = world([{ readyToUse: true }], snapshot('u1'));
    await take();
    expect(made).toEqual([]);
  });

  it('are none of an earlier plan of the same name', async () => {
    await expect(world([{ readyToUse: true }], snapshot('u0')).take()).rejects.toThrow("none of this plan's");
  });

  it('end the migration where they cannot be used in time, in the words of their driver', async () => {
    const { take } = world([{ readyToUse: false, error: { message: 'out of space' } }]);
    await expect(take(11 * 60_000)).rejects.toThrow('cannot be used after 10 min: out of space');
  });
});
