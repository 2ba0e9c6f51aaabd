import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Binary } from './catalogue.js';
import { find } from './find.js';
import { withLock } from './lock.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-find-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const tool: Binary = {
  name: 'etcd',
  version: '3.6.13',
  source: { kind: 'go', module: 'etcd', package: 'example.invalid/none' },
  usualSeconds: 1,
  onPath: { args: ['--version'], expected: /3\.6\.13/ },
};
const script = (name: string, version: string): Promise<void> =>
  writeFile(path.join(folder, name), `#!/bin/sh\necho version ${version}\n`, { mode: 0o755 });
const findTool = async (environment: NodeJS.ProcessEnv): Promise<string | undefined> =>
  (await find({ cache: folder, environment, catalogue: [tool], progress: () => undefined })).binaries['etcd'];

describe('find', () => {
  it('prefers the path that the environment names', async () => {
    await script('mine', '0');
    await script('etcd-3.6.13', '3.6.13');
    expect(await findTool({ SCC_DEV_ETCD: path.join(folder, 'mine') })).toBe(path.join(folder, 'mine'));
  });

  it('refuses a named path that cannot be run', async () => {
    await expect(findTool({ SCC_DEV_ETCD: '/nowhere/etcd' })).rejects.toThrow('SCC_DEV_ETCD names /nowhere/etcd');
  });

  it('takes the one on PATH when its version is the pinned one', async () => {
    await script('etcd', '3.6.13');
    expect(await findTool({ PATH: folder })).toBe(path.join(folder, 'etcd'));
  });

  it('takes the cached one when PATH holds another version', async () => {
    await script('etcd', '3.5.0');
    await script('etcd-3.6.13', '3.6.13');
    expect(await findTool({ PATH: folder })).toBe(path.join(folder, 'etcd-3.6.13'));
  });

  it('says in one line what to install when Go is missing', async () => {
    const before = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      await expect(findTool({ PATH: folder })).rejects.toThrow(
        /^Go 1\.26 or newer is needed .* \(found: none\): install [^\n]*$/,
      );
    } finally {
      process.env['PATH'] = before;
    }
  });
});

describe('withLock', () => {
  it('lets one holder in at a time', async () => {
    const lock = path.join(folder, 'lock');
    let inside = 0;
    let most = 0;
    const once = (): Promise<void> =>
      withLock(
        lock,
        () => undefined,
        async () => {
          most = Math.max(most, ++inside);
          await readFile(lock);
          inside--;
        },
      );
    await Promise.all([once(), once(), once()]);
    expect(most).toBe(1);
    await expect(access(lock)).rejects.toThrow('ENOENT');
  });

  it('frees the lock when the body fails', async () => {
    const lock = path.join(folder, 'lock');
    const failing = withLock(
      lock,
      () => undefined,
      () => Promise.reject(new Error('no')),
    );
    await expect(failing).rejects.toThrow('no');
    await expect(
      withLock(
        lock,
        () => undefined,
        () => Promise.resolve('in'),
      ),
    ).resolves.toBe('in');
  });
});
