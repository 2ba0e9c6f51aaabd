import { plural } from '@scc/plan/words';
import { dataOfAnother } from './data-by-hand.js';
import { isAllRoot, named, type ReviewedVolumes, type VolumeDecision, type VolumeUser } from './data-decision.js';
import type { DataVolume } from './storage.js';

/** Data that pods under the target use beside pods that serve: each side must be able to use it while the other does. */

interface Beside {
  /** Who uses it first under the target: a canary, or one of the workload's own pods. */
  first: 'a canary' | 'the first pod that moves';
  volumes: readonly DataVolume[];
  before: VolumeUser;
  after: VolumeUser;
  /** Whether the plan wants the files looked at, and a Job can. */
  isCensus: boolean;
}

const userOf = ({ uids }: VolumeUser): number | null => {
  const [uid = null, ...others] = new Set(uids);
  return others.length === 0 ? uid : null;
};

/**
 * The node gives the files to the group of the first pod when it mounts them, before it gets a single request; an undo
 * does not give them back. Pods that serve keep what their user owns, and lose what another group alone let them use.
 */
function isTaken(decision: VolumeDecision, { before, after }: Beside): boolean {
  return decision.do === 'FsGroup' && before.fsGroup !== after.fsGroup && !isAllRoot(before);
}

/** The review of data that pods share, with what the first one under the target means for those that serve. */
export function reviewBeside(reviewed: ReviewedVolumes, decision: VolumeDecision, beside: Beside): ReviewedVolumes {
  if (decision.do === 'Nothing' || reviewed.violations.length > 0) return reviewed;
  const shared = { ...reviewed, warnings: [...reviewed.warnings, ...writtenBeside(beside)] };
  return isTaken(decision, beside) ? withoutTaking(shared, beside) : shared;
}

/** Files have the user who writes them: the pods that serve, and those of an undo, may not be able to use them. */
function writtenBeside({ first, volumes, before, after }: Beside): string[] {
  const [from, to] = [userOf(before), userOf(after)];
  if (isAllRoot(before) || (from !== null && from === to)) return [];
  return [
    `what ${first} writes to ${named(volumes)} belongs to ${to === null ? 'its user' : `user ${to}`}: the pods that serve meanwhile, and those of an undo, use it only as its mode lets others`,
  ];
}

/** Whether the pods that serve need no group for their files: a Job finds out, where one can. */
function withoutTaking(
  reviewed: ReviewedVolumes,
  { first, volumes, before, after, isCensus }: Beside,
): ReviewedVolumes {
  const uid = userOf(before);
  const taken = `${first} has the files of ${named(volumes)} given to group ${after.fsGroup ?? ''} while pods serve that are not known to be root, and that lose what another group alone lets them use`;
  if (isCensus)
    return {
      ...reviewed,
      warnings: [
        ...reviewed.warnings,
        `${taken}: before ${first === 'a canary' ? 'it starts' : 'a pod moves'}, a Job beside a pod looks at the files, and ends the migration where ${uid === null ? 'the user of that pod' : `user ${uid}`} needs a group for them`,
      ],
      census: { volumes: volumes.map(({ name }) => name), uid, groups: [], group: null, isServing: true },
    };
  const look =
    'Have a census look whether the pods that serve need a group for their files (spec.volumes.census: true)';
  // Those who had a pod share its data with the next one have met that before.
  if (first !== 'a canary') return { ...reviewed, warnings: [...reviewed.warnings, `${taken}. ${look}.`] };
  const { code, field, remedy } = dataOfAnother('', volumes, look);
  const message = `${plural(volumes.length, 'claim')} would be taken from the pods that serve: ${taken}`;
  return { violations: [{ code, field, message, remedy }], warnings: [] };
}
