import { access, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { createStateDir, recordOwners, removeLeftovers } from './leftovers.js';

const made: string[] = [];
afterEach(() => Promise.all(made.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

const exists = (folder: string): Promise<boolean> =>
  access(folder).then(
    () => true,
    () => false,
  );
const endedPid = (): number => spawnSync('true').pid;
const make = async (): Promise<string> => {
  const folder = await createStateDir();
  made.push(folder);
  return folder;
};

describe('removeLeftovers', () => {
  it('removes the state of a stack whose every process has ended, and no other', async () => {
    const [ended, running, starting] = [await make(), await make(), await make()];
    const foreign = await mkdtemp(path.join(tmpdir(), 'scc-other-'));
    made.push(foreign);
    await recordOwners(ended, [endedPid(), endedPid()]);
    await recordOwners(running, [endedPid(), process.pid]);

    await removeLeftovers();
    expect(await Promise.all([ended, running, starting, foreign].map(exists))).toEqual([false, true, true, true]);
  });

  it('removes the state of a start that ended before it could say who owns it', async () => {
    const folder = await make();
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(folder, longAgo, longAgo);
    await removeLeftovers();
    expect(await exists(folder)).toBe(false);
  });
});
