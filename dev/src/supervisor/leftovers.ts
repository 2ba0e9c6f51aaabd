import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeMemoryGroups } from './memory.js';

const PREFIX = 'scc-stack-';
const OWNERS = 'owners';
/** A folder this young may belong to a start that has not yet written who owns it. */
const YOUNG_MS = 60_000;

const runs = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Makes the folder of one stack's state. */
export const createStateDir = (): Promise<string> => mkdtemp(path.join(tmpdir(), PREFIX));

/** Notes whose end makes the folder worthless: the processes outside and inside. */
export const recordOwners = (stateDir: string, pids: readonly number[]): Promise<void> =>
  writeFile(path.join(stateDir, OWNERS), JSON.stringify(pids));

/** Removes the state of this user's stacks whose every process was killed before it could clean up. */
export async function removeLeftovers(): Promise<void> {
  const folders = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  for (const folder of folders.map((name) => path.join(tmpdir(), name))) {
    const facts = await stat(folder).catch(() => undefined);
    if (!facts || facts.uid !== process.getuid?.()) continue;
    const pids = await readFile(path.join(folder, OWNERS), 'utf8')
      .then((text): unknown => JSON.parse(text))
      .catch(() => undefined);
    const owned = Array.isArray(pids) ? pids.some((pid) => runs(Number(pid))) : Date.now() - facts.mtimeMs < YOUNG_MS;
    if (!owned) await rm(folder, { recursive: true, force: true });
  }
  await removeMemoryGroups();
}
