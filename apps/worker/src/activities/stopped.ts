import type { KubeClient, KubeObject } from '@scc/kube';
import { FIELD_MANAGER } from '@scc/plan';
import type { MigrationTarget } from '@scc/migration/contract';
import { replicasOf } from '../cluster/ordinals.js';
import { notePatch, stoppedBy } from '../cluster/owners.js';
import { terminal } from '../failures.js';
import { restoreMoved, type MovingActivities } from './moving.js';
import { isToBeMigrated, readWorkload, templateTests, workloadId } from './workload-object.js';

/** How many pods it shall have, and whether this plan has noted on it that it was stopped. */
interface Held {
  replicas: number;
  isMarked: boolean;
}

/**
 * Moves the pods of a workload that was stopped for a change of owners: all of them start together, from the template
 * that is written with their number.
 * @param kept how they are moved where it is not stopped
 */
export function stoppedActivities(kube: KubeClient, kept: MovingActivities): MovingActivities {
  /** Fails, instead of overwriting, when another client wrote the same meanwhile. */
  const write = async (target: MigrationTarget, current: KubeObject, change: Change): Promise<void> => {
    const body = [
      ...templateTests(target, current),
      { op: 'test', path: '/spec/replicas', value: replicasOf(current) },
      { op: 'replace', path: '/spec/template', value: change.template },
      { op: 'replace', path: '/spec/replicas', value: change.replicas },
      ...(change.isBack && stoppedBy(current, target.ref) ? notePatch(current, null) : []),
    ];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };

  return {
    ...kept,
    migrateWorkload: async (target) => {
      const current = await readWorkload(kube, target);
      if (!isToBeMigrated(current, target)) return;
      if (replicasOf(current) > 0 || !stoppedBy(current, target.ref)?.owners)
        throw terminal('drift', `another client scaled ${target.workload} up while the owners of its data change`);
      await write(target, current, { template: target.templateAfter, replicas: target.replicas });
    },

    moveOrdinal: () => Promise.resolve(),

    restoreWorkload: (target, images) =>
      restoreMoved<Held>(kube, target, images, {
        of: (object) => ({ replicas: replicasOf(object), isMarked: stoppedBy(object, target.ref) !== null }),
        back: (_before, current) => heldBefore(current, target),
        write: (current, template, { replicas }) => write(target, current, { template, replicas, isBack: true }),
      }),
  };
}

interface Change {
  template: unknown;
  replicas: number;
  /** The note goes with it. */
  isBack?: boolean;
}

/** As many as it had before it was stopped, unless another client has scaled it since. */
function heldBefore(current: KubeObject, { ref }: MigrationTarget): { value: Held; conflicts: string[] } {
  const note = stoppedBy(current, ref);
  const now = replicasOf(current);
  const isOurs = note !== null && (now === 0 || now === note.replicas);
  return {
    value: { replicas: isOurs ? note.replicas : now, isMarked: false },
    conflicts: note === null || isOurs ? [] : ['spec.replicas'],
  };
}
