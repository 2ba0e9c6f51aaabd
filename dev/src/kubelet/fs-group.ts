import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import path from 'node:path';

interface FsGroup {
  gid: number;
  /** As `fsGroupChangePolicy`: the whole volume at each mount, or only when its root does not fit yet. */
  policy: 'Always' | 'OnRootMismatch';
  readOnly: boolean;
}

const SETGID = 0o2000;
const READ_WRITE = 0o660;
const READ = 0o440;
const SEARCH = 0o110;

/** The bits that a node adds: the group reads and writes, and folders hand their group on. */
const addedBits = (isFolder: boolean, readOnly: boolean): number =>
  (readOnly ? READ : READ_WRITE) | (isFolder ? SETGID | SEARCH : 0);

/**
 * Gives the files of a volume to the pod's group, as a kubelet does when it mounts it: the group changes and bits are
 * added, owners stay. Returns whether it went through the files. Needs root.
 */
export async function giveToGroup(folder: string, { gid, policy, readOnly }: FsGroup): Promise<boolean> {
  const root = await lstat(folder);
  const wanted = addedBits(true, readOnly);
  if (policy === 'OnRootMismatch' && root.gid === gid && (root.mode & wanted) === wanted) return false;
  const below = await readdir(folder, { recursive: true });
  // The root comes last, so that a walk that was interrupted is done again.
  for (const name of [...below.reverse(), '']) {
    const file = path.join(folder, name);
    const { uid, mode } = await lstat(file);
    await lchown(file, uid, gid);
    if ((mode & 0o170000) === 0o120000) continue;
    const isFolder = (mode & 0o170000) === 0o040000;
    await chmod(file, (mode & 0o7777) | addedBits(isFolder, readOnly));
  }
  return true;
}
