import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';

// Bundles, packs and installs before the first test.
jest.setTimeout(120_000);

const root = path.resolve(import.meta.dirname, '../../..');
let folder: string;
let installed: string;

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs a program where nothing of the repository is found. */
function run(program: string, args: readonly string[], { cwd = folder, node = '' } = {}): Promise<Ran> {
  const env = { PATH: process.env['PATH'], HOME: folder, NODE_OPTIONS: node };
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}
const done = async (ran: Promise<Ran>): Promise<string> => {
  const { code, out, err } = await ran;
  if (code !== 0) throw new Error(err || out);
  return out;
};
const bin = (name: string): string => path.join(installed, 'node_modules', '.bin', name);
const read = (file: string): Promise<string> => readFile(path.join(installed, 'node_modules', 'sccctl', file), 'utf8');

beforeAll(async () => {
  await done(run(process.execPath, ['scripts/build.ts'], { cwd: root }));
  folder = await mkdtemp(path.join(tmpdir(), 'sccctl-package-'));
  const made = path.join(folder, 'made');
  installed = path.join(folder, 'installed');
  await done(run(process.execPath, ['scripts/cli-package.ts', made], { cwd: root }));
  await done(run('npm', ['pack', '--silent', made]));
  const archive = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
  const flags = ['--offline', '--no-audit', '--no-fund', '--prefix', installed];
  await done(run('npm', ['install', ...flags, path.join(folder, archive)]));
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

describe('the package of sccctl', () => {
  it('is one bundle behind its launcher, without another package', async () => {
    const packages = (await readdir(path.join(installed, 'node_modules'))).filter((name) => !name.startsWith('.'));
    expect(packages).toEqual(['sccctl']);
    const dist = path.join(installed, 'node_modules', 'sccctl', 'dist');
    expect((await readdir(dist)).toSorted()).toEqual(['main.js', 'node-version.js', 'start.js']);
    expect((await stat(path.join(dist, 'start.js'))).size).toBeLessThan(10 * 1024 * 1024);
  });

  it('runs by each of its names, with its version', async () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(await read('package.json')));
    for (const name of ['sccctl', 'kubectl-scc', 'oc-scc'])
      expect(JSON.parse(await done(run(bin(name), ['version', '--client', '-o', 'json'])))).toMatchObject({
        sccctl: version,
      });
  });

  it('recommends and scans without a checkout', async () => {
    const examples = path.join(root, 'deploy', 'examples');
    const recommended = await done(run(bin('sccctl'), ['recommend', '-f', path.join(examples, 'greeter.yaml')]));
    expect(recommended).toContain('restricted-v2');
    expect(await done(run(bin('sccctl'), ['scan', '-f', examples]))).toContain('Deployment/greeter');
  });

  it('says in a sentence that a Node is too old, before it loads the bundle', async () => {
    const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.1' } })`;
    const node = `--import=data:text/javascript,${encodeURIComponent(old)}`;
    expect(await run(bin('sccctl'), ['version'], { node })).toEqual({
      code: 64,
      out: '',
      err: 'error: sccctl needs Node 22.19 or newer, and this is 20.11.1\nInstall a newer Node, or name it first in PATH.\n',
    });
  });

  it('brings the licences of what is bundled', async () => {
    const licences = await read('THIRD-PARTY-LICENSES.txt');
    for (const name of ['commander', 'zod', 'undici', '@temporalio/client', '@grpc/grpc-js', '@kubernetes/client-node'])
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)$`, 'm'));
    expect(await read('LICENSE')).toContain('Apache License');
  });
});
