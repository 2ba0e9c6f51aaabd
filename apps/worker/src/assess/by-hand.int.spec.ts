import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { groupByHand } from './data-by-hand.js';

const run = promisify(execFile);
const GROUP = 1000650000;
/** The user that a server which squashes root takes it for. */
const NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
/** A migrated pod: another user, with its fsGroup. */
const MIGRATED = ['--reuid', `${GROUP}`, '--regid', '0', '--groups', `${GROUP}`];

const isRoot = process.getuid?.() === 0;
(isRoot ? describe : describe.skip)('the group of files, let to it by the command of a refusal (as root)', () => {
  let folder: string;
  let command: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'scc-data-'));
    await mkdir(path.join(folder, 'log'), { mode: 0o700 });
    await writeFile(path.join(folder, 'log', 'journal'), 'w-1', { mode: 0o600 });
    const volume = { name: 'data', paths: [folder], storage: 'nfs', fsGroup: 'Ignored', isOfOnePod: false } as const;
    const remedy = groupByHand([volume], GROUP);
    expect(remedy).toContain('an NFS server that squashes root refuses that: do it there');
    command = /sh -c '(.*?)'/.exec(remedy)?.[1] ?? 'false';
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const as = (who: readonly string[], script: string) => run('setpriv', [...who, 'sh', '-c', script]);
  const journal = async () => {
    const { uid, gid, mode } = await stat(path.join(folder, 'log', 'journal'));
    return [uid, gid, mode & 0o777];
  };

  it('is refused to a root that the server squashes, and done where the files are', async () => {
    await expect(as(NOBODY, command)).rejects.toThrow(/not permitted|Permission denied/);
    expect(await journal()).toEqual([0, 0, 0o600]);
    await run('sh', ['-c', command]);
    expect(await journal()).toEqual([0, GROUP, 0o660]);
  });

  it('lets the migrated pods read and write what they could not, and leaves its owner', async () => {
    const use = `cat '${folder}/log/journal' && echo w-2 >>'${folder}/log/journal' && touch '${folder}/log/next'`;
    // What an export gives to all who mount it.
    await chmod(folder, 0o755);
    await expect(as(MIGRATED, use)).rejects.toThrow(/Permission denied/);
    await run('sh', ['-c', command]);
    await expect(as(MIGRATED, use)).resolves.toMatchObject({ stdout: 'w-1' });
    expect((await journal())[0]).toBe(0);
  });
});
