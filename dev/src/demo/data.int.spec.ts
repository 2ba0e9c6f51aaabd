import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { folderOfVolume } from '../kubelet/claims.js';
import { damaged, lostOf, readData, type Data } from './data.js';

const data = (files: Record<string, string>): Data =>
  new Map(Object.entries(files).map(([file, text]) => [file, Buffer.from(text)]));

describe('readData', () => {
  it('reads every file of every bound claim', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'scc-data-'));
    const folder = folderOfVolume(stateDir, 'pvc-1');
    await mkdir(path.join(folder, 'base'), { recursive: true });
    await writeFile(path.join(folder, 'base', 'journal'), 'one\n');
    const items = [
      { metadata: { name: 'data-sessions-0' }, spec: { volumeName: 'pvc-1' } },
      { metadata: { name: 'data-sessions-1' }, spec: {} },
    ];
    const read = await readData({ list: () => Promise.resolve({ items, resourceVersion: '1' }) }, stateDir);
    await rm(stateDir, { recursive: true });
    expect(read).toEqual(data({ 'data-sessions-0/base/journal': 'one\n' }));
  });
});

describe('damaged', () => {
  const before = data({ 'a/journal': 'one\ntwo\n', 'a/seed': 's' });
  it.each<[string, Data, string[]]>([
    ['nothing where journals grew', data({ 'a/journal': 'one\ntwo\nthree\n', 'a/seed': 's' }), []],
    ['a file that is shorter', data({ 'a/journal': 'one\n', 'a/seed': 's' }), ['a/journal']],
    ['a file that is another', data({ 'a/journal': 'one\ntwo\n', 'a/seed': 't' }), ['a/seed']],
    ['a file that is gone', data({ 'a/journal': 'one\ntwo\n' }), ['a/seed']],
  ])('names %s', (_case, after, expected) => {
    expect(damaged(before, after)).toEqual(expected);
  });
});

describe('lostOf', () => {
  it('names what was acknowledged and is in no journal as a whole line', () => {
    expect(lostOf(['w-1', 'w-2', 'w-3'], data({ a: 'w-1\n', b: 'w-2\nw-33\n' }))).toEqual(['w-3']);
  });
});
