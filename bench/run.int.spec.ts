import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '..');
let folder: string;

const bench = (body: string): string => `export default { name: 'spec', run: async () => { ${body} } };\n`;
const BENCHES = {
  'a-fails.bench.js': bench(`throw new Error('no disk left')`),
  'b-crashes.bench.js': bench(`process.kill(process.pid, 'SIGKILL')`),
  'c-lies.bench.js': bench(`return [{ name: 'x', metric: 'p50', value: 'fast', unit: 'ms' }]`),
  'd-works.bench.js': bench(
    `return [{ name: 'x', metric: 'p50', value: 12345.6, unit: 'ms', reference: 10000, ratio: 1.23456 }]`,
  ),
};

/** The runner, as it is built, among benches of this spec. */
beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: root });
  // Below node_modules, so that the runner finds what it imports.
  const cache = path.join(root, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  folder = await mkdtemp(path.join(cache, 'bench-spec-'));
  for (const file of ['run.js', 'against.js', 'types.js'])
    await copyFile(path.join(root, 'bench/dist', file), path.join(folder, file));
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
  for (const [file, text] of Object.entries(BENCHES)) await writeFile(path.join(folder, file), text);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

const run = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [path.join(folder, 'run.js'), ...args], (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });

describe('the benchmarks', () => {
  it('go on when one fails, in every way that it can, and say which', async () => {
    const json = path.join(folder, 'results.json');
    const { code, out, err } = await run('--json', json);
    expect(err).toMatch(/no disk left/);
    expect(err).toMatch(/b-crashes: FAILED: ended with SIGKILL, without results/);
    expect(err).toMatch(/failed: a-fails, b-crashes, c-lies/);
    expect(out).toMatch(/^x +p50 +12,346 +ms +10,000 +1\.23$/m);
    expect(JSON.parse(await readFile(json, 'utf8'))).toEqual([
      { name: 'x', metric: 'p50', value: 12345.6, unit: 'ms', reference: 10000, ratio: 1.23456 },
    ]);
    expect(code).toBe(1);
  }, 60_000);

  it('run one by name', async () => {
    expect(await run('--only', 'd-works')).toMatchObject({ code: 0 });
    const { code, err } = await run('--only', 'nothing');
    expect(err).toMatch(/no bench is named nothing; there are: a-fails, b-crashes, c-lies, d-works/);
    expect(code).toBe(2);
  }, 60_000);
});
