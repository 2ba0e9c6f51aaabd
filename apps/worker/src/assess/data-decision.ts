import type { Violation } from '@scc/plan';
import type { TemplatePatch } from '@scc/scc';
import type { CensusTask, OwnersTask } from '@scc/migration/contract';
import type { DataVolume } from './storage.js';

/** What the data of a workload needs before pods of another user can use it, decided from users, groups and storage. */

/** By whom the pods read and write. */
export interface VolumeUser {
  /** Of each container; null where the image decides. */
  uids: (number | null)[];
  fsGroup: number | null;
}

/** What is to be done with the data, the least first. */
export type VolumeDecision =
  | { do: 'Nothing'; reason: string }
  /** The node gives the files to the pods' group; `changePolicy` is set in the template where its user set none. */
  | { do: 'FsGroup'; reason: string; changePolicy: 'OnRootMismatch' | null }
  /** By hand, while the old pods run: the files are let to a group as well, and keep their owner. */
  | { do: 'Group'; reason: string; group: number }
  /**
   * No step leaves the owner in place, as far as is known. The files themselves may show another thing where there is
   * `look`: they may be as the new user needs them, or pods whose user nobody knows may let the group use them.
   */
  | { do: 'Refuse'; reason: string; look?: { group: number | null } };

interface Question {
  volumes: readonly DataVolume[];
  images: readonly string[];
  before: VolumeUser;
  after: VolumeUser & { changePolicy: string | null };
}

/** Databases that refuse a data folder which anybody but its owner may use; a group is of no help to them. */
const OWNER_ONLY =
  /(^|[/_-])(postgres|postgresql|postgis|pgvector|timescaledb|citus|spilo|greenplum|enterprisedb|crunchy-postgres|cloudnative-pg)([-_/:@]|$)/;

/** The image of a database that takes a folder of its own user alone. */
export const ownerOnlyAmong = (images: readonly string[]): string | undefined =>
  images.find((image) => OWNER_ONLY.test(image));

/** Whether it is known that user and group stay. */
export const isSameUser = (before: VolumeUser, after: VolumeUser): boolean =>
  before.fsGroup === after.fsGroup &&
  before.uids.every((uid, index) => uid !== null && uid === after.uids[index]) &&
  before.uids.length === after.uids.length;

export const named = (volumes: readonly DataVolume[]): string =>
  volumes.map(({ name, storage }) => `${name} (${storage})`).join(', ');

/** Whether a container of the pods may give any file to a group. */
const hasRoot = ({ uids }: VolumeUser): boolean => uids.includes(0);

/** Whether every container may use files of any owner. */
export const isAllRoot = ({ uids }: VolumeUser): boolean => uids.length > 0 && uids.every((uid) => uid === 0);

/** The storage gives no file to the group: only pods that are root, or may be, can. */
function whereIgnored(ignored: readonly DataVolume[], before: VolumeUser, group: number): VolumeDecision {
  const reason = `the storage of ${named(ignored)} gives no file to the pods' group, and the user changes`;
  if (hasRoot(before)) return { do: 'Group', reason, group };
  return { do: 'Refuse', reason, look: { group: before.uids.includes(null) ? group : null } };
}

/**
 * Nothing to do, the pods' fsGroup does it, their group by hand, or refused: never more is done to data than can be
 * taken back.
 */
export function decideVolumes({ volumes, images, before, after }: Question): VolumeDecision {
  if (volumes.length === 0) return { do: 'Nothing', reason: 'it keeps no data on a claim' };
  if (isAllRoot(after)) return { do: 'Nothing', reason: 'its pods run as root, which may use files of any owner' };
  if (isSameUser(before, after)) return { do: 'Nothing', reason: 'its pods keep their user and their group' };
  const ownerOnly = ownerOnlyAmong(images);
  if (ownerOnly !== undefined)
    return { do: 'Refuse', reason: `${ownerOnly} takes a data folder of its own user alone, and the user changes` };
  const unknown = volumes.filter(({ fsGroup }) => fsGroup === 'Unknown');
  if (unknown.length)
    return {
      do: 'Refuse',
      reason: `it is not known whether the storage of ${named(unknown)} gives files to the pods' group, and the user changes`,
    };
  if (after.fsGroup === null)
    return {
      do: 'Refuse',
      reason: `the user changes and the pods have no fsGroup by which they could use ${named(volumes)}`,
    };
  const ignored = volumes.filter(({ fsGroup }) => fsGroup === 'Ignored');
  if (ignored.length > 0) return whereIgnored(ignored, before, after.fsGroup);
  const walk = after.changePolicy === 'Always' ? 'at each start, as fsGroupChangePolicy says' : 'once';
  return {
    do: 'FsGroup',
    reason: `the files of ${named(volumes)} are given to group ${after.fsGroup} when they are mounted, ${walk}: that takes long where they are many`,
    changePolicy: after.changePolicy === null ? 'OnRootMismatch' : null,
  };
}

/** What the data of a workload asks for. */
export interface ReviewedVolumes {
  violations: Violation[];
  warnings: string[];
  /** A further change of the template. */
  patch?: TemplatePatch;
  /** What is found out before the pods move, or a canary starts. */
  census?: CensusTask;
  /** What changes its owner while the pods are stopped. */
  owners?: OwnersTask;
}
