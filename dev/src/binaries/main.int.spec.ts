import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { NODE, ROOT, scriptOf } from '../paths.js';
import type { Binary } from './catalogue.js';
import { find } from './find.js';

/** A first start: an empty cache, and a PATH that holds only what a test puts there. */
let folder: string;
let cache: string;
let tools: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-first-start-'));
  [cache, tools] = [path.join(folder, 'cache'), path.join(folder, 'tools')];
  await Promise.all([mkdir(cache), mkdir(tools)]);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const tool = (name: string, script: string): Promise<void> =>
  writeFile(path.join(tools, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

interface Ended {
  code: number | null;
  out: string;
  errors: string;
}
async function start(script: string): Promise<Ended> {
  const env = { PATH: tools, HOME: folder, SCC_DEV_CACHE: cache, TMPDIR: folder };
  const child = spawn(NODE, [scriptOf(script)], { env, cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended: Ended = { code: null, out: '', errors: '' };
  child.stdout.on('data', (chunk: Buffer) => (ended.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (ended.errors += chunk.toString()));
  [ended.code] = (await once(child, 'close')) as [number | null];
  return ended;
}

const GO = /Go 1\.26 or newer is needed [^\n]*\(found: none\): install the package golang [^\n]*\./;
const PYTHON = /Python 3 with pip is needed [^\n]*: install the packages python3 and python3-pip\./;
const oneLine = (...parts: RegExp[]): RegExp => new RegExp(`^${parts.map(({ source }) => source).join(' ')}\n$`);

describe('a first start', () => {
  it.each(['binaries/main', 'up', 'demo/main'])(
    'says in one line what to install without Go and Python: %s',
    async (script) => {
      const { code, errors } = await start(script);
      expect(errors).toMatch(oneLine(GO, PYTHON));
      expect(code).toBe(1);
      expect(await readdir(cache)).toEqual([]);
      expect((await readdir(folder)).sort()).toEqual(['cache', 'tools']);
    },
  );

  it.each<[string, [string, string][], RegExp]>([
    ['Go', [['python3', 'echo pip 25.0']], oneLine(GO)],
    ['Python', [['go', 'echo go1.26.0']], oneLine(PYTHON)],
    [
      'pip',
      [
        ['go', 'echo go1.26.0'],
        ['python3', 'echo No module named pip >&2; exit 1'],
      ],
      oneLine(PYTHON),
    ],
  ])('says it without %s', async (_missing, found, expected) => {
    for (const [name, script] of found) await tool(name, script);
    const { code, errors, out } = await start('binaries/main');
    expect(errors).toMatch(expected);
    expect([code, out]).toEqual([1, '']);
  });
});

const build = (name: string, module: string, pkg = '.'): Binary => ({
  name,
  version: '1',
  source: { kind: 'go', module, package: pkg },
  usualSeconds: 1,
});
/** The smallest program of dev/modules. */
const SMALLEST = build('audit-verifier', 'audit-verifier');
const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

describe('a build', () => {
  it('that was killed is done again by the next start, which leaves nothing but the program', async () => {
    const options = JSON.stringify({ cache, catalogue: [SMALLEST] });
    const script = `
      import { find } from './dev/dist/binaries/find.js';
      await find({ ...${options}, environment: {}, progress: () => undefined });`;
    const evaluated = ['--input-type=module', '--eval', script];
    // A group of its own, because the kill is meant for Go as well.
    const child = spawn(NODE, evaluated, { cwd: ROOT, stdio: 'ignore', detached: true });
    const exited = once(child, 'exit');
    const underWay = async (): Promise<boolean> =>
      (await readdir(cache, { recursive: true })).some((name) => /^\.build-\w+\/go-build\w+/.test(name));
    await waitFor(underWay, { timeoutMs: 30_000, everyMs: 2, what: 'Go to build' });
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await exited;
    expect(await exists(path.join(cache, '.lock'))).toBe(true);
    expect(await exists(path.join(cache, 'audit-verifier-1'))).toBe(false);

    const said: string[] = [];
    const found = await find({ cache, catalogue: [SMALLEST], environment: {}, progress: (line) => said.push(line) });
    expect(found.binaries['audit-verifier']).toBe(path.join(cache, 'audit-verifier-1'));
    expect(await readdir(cache)).toEqual(['audit-verifier-1']);
    expect(said).toContain('audit-verifier is built (1 of 1)');
  });

  describe('that fails', () => {
    let before: string | undefined;
    beforeEach(() => {
      before = process.env['PATH'];
      process.env['PATH'] = `${tools}:${before ?? ''}`;
    });
    afterEach(() => {
      process.env['PATH'] = before;
    });

    it('ends the one beside it, says why, and keeps what was built', async () => {
      // Go puts its result where the argument after -o says, and is given the package last.
      await tool(
        'go',
        `case "$*" in
          env*) echo go1.26.0 ;;
          *slow) exec sleep 600 ;;
          *good) while [ "$1" != -o ]; do shift; done; echo built > "$2" ;;
          *) echo no such package >&2; exit 1 ;;
        esac`,
      );
      const catalogue = [build('good', 'etcd', 'good'), build('bad', 'etcd', 'bad'), build('slow', 'istio', 'slow')];
      await expect(find({ cache, catalogue, environment: {}, progress: () => undefined })).rejects.toThrow(
        'no such package',
      );
      expect(await readdir(cache)).toEqual(['good-1']);
    });
  });
});
