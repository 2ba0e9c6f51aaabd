import { execFile } from 'node:child_process';
import { chmod, cp, glob, lstat, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { podsOf } from '../chart/objects.fixture.js';
import { readObjects } from '../cluster/manifests.js';
import { PLATFORMS, RENDERED } from '../cluster/places.js';
import { NODE, ROOT } from '../paths.js';
import { productRecipe, recipeOf, type ImageRecipe } from './dockerfile.js';
import { programOf } from './program.js';

/** Checks of the image that need no container engine; `npm run verify -- --only image` builds it. */

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
/** As OpenShift would choose one. */
const ANY_UID = 1_000_690_000;

const lockSchema = z.object({
  packages: z.record(z.string(), z.looseObject({ dev: z.boolean().default(false), link: z.boolean().default(false) })),
});
/** Folders of packages that the programs run with; the packages within them come with them. */
async function productionPackages(): Promise<string[]> {
  const lock = lockSchema.parse(JSON.parse(await readFile(path.join(ROOT, 'package-lock.json'), 'utf8')));
  return Object.entries(lock.packages).flatMap(([name, { dev, link }]) =>
    !dev && !link && /^node_modules\/(@[^/]+\/)?[^/]+$/.test(name) ? [name] : [],
  );
}

async function matching(patterns: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const name of glob(patterns, { cwd: ROOT })) found.push(name);
  return found;
}

/** A package that the image leaves empty, since no script of a package runs there: the base brings Node. */
const NOT_RUN = 'node_modules/node';

let recipe: ImageRecipe;
let app: string;
/** The image opens all files to its group; those of a checkout may be its owner's alone. */
const isOpen = async (): Promise<boolean> => ((await lstat(path.join(ROOT, 'package.json'))).mode & 0o004) !== 0;
/** The image's folder: production packages, each package's own files, and the entrypoint. */
beforeAll(async () => {
  recipe = productRecipe();
  app = await mkdtemp(path.join(tmpdir(), 'scc-image-'));
  await chmod(app, 0o755);
  const packages = (await productionPackages()).filter((name) => name !== NOT_RUN);
  const there = (await Promise.all(packages.map((name) => lstat(path.join(ROOT, name)).catch(() => null)))).map(
    (facts, index) => (facts === null ? [] : [packages[index] ?? '']),
  );
  const own = await matching(recipe.packages);
  const copied = [...there.flat(), 'node_modules/@scc', ...own];
  // Links where that is possible: it is a third of a gigabyte.
  const copy = (how: string): Promise<unknown> => run('cp', [how, '--parents', ...copied, app], { cwd: ROOT });
  await copy('-al').catch(() => copy('-a'));
  for (const name of recipe.whole.filter((one) => one !== 'node_modules'))
    await cp(path.join(ROOT, name), path.join(app, path.basename(name)));
}, 120_000);
afterAll(() => rm(app, { recursive: true }));

/** What a program of the image says to an empty environment. */
async function sayingOf(...args: string[]): Promise<string> {
  const [command = '', script = ''] = recipe.entrypoint;
  expect(command).toBe('node');
  const words = [NODE, path.join(app, path.relative(recipe.workingDir, script)), ...args];
  const as = ['setpriv', `--reuid=${ANY_UID}`, '--regid=0', '--clear-groups', '--no-new-privs'];
  const [program = '', ...rest] = isRoot && (await isOpen()) ? [...as, ...words] : words;
  const env = { ...recipe.env, HOME: '/', PATH: process.env['PATH'] };
  const { stdout, stderr } = await run(program, rest, { cwd: app, env }).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return stdout + stderr;
}

const PROGRAMS = [
  ['governance', /Invalid environment:\n[^]*DATABASE_URL/],
  ['webhook', /Invalid environment:\n/],
  ['migrate', /Invalid environment:\n[^]*DATABASE_OWNER_URL/],
  ['default-sccs', /does not run in a cluster/],
  ['worker', /Invalid environment:\n/],
  ['watcher', /Invalid environment:\n/],
  ['uninstall-check', /does not run in a cluster/],
  ['sccctl', /Usage: sccctl/],
] as const;

describe('the image', () => {
  it.each(PROGRAMS)(
    'runs %s with packages for production alone, as any uid of group 0, up to what its environment lacks',
    async (name, said) => {
      expect(await sayingOf(name)).toMatch(said);
    },
    60_000,
  );

  it('has no other program, and says which it has', async () => {
    expect(await sayingOf('bash')).toBe(
      `bash is not a program of this image; there are ${PROGRAMS.map(([name]) => name).join(', ')}\n`,
    );
  });

  it('is asked for its own programs alone, by the chart and by docker-compose.yml', async () => {
    const programs: string[] = PROGRAMS.map(([name]) => name);
    const asked: string[] = [];
    for (const platform of PLATFORMS)
      for (const { spec } of podsOf(await readObjects(path.join(RENDERED, platform))).values())
        for (const { args } of z
          .object({ args: z.array(z.string()) })
          .array()
          .parse(spec.containers))
          asked.push(...args.slice(0, 1));
    const service = z.looseObject({ image: z.string().optional(), command: z.array(z.string()).default([]) });
    const { services } = z
      .looseObject({ services: z.record(z.string(), service) })
      .parse(parse(await readFile(path.join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }));
    for (const { image = '', command } of Object.values(services))
      if (image.startsWith('scc-orchestrator')) asked.push(...command.slice(0, 1));
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.filter((name) => !programs.includes(name))).toEqual([]);
  });

  it('copies what is there, and nothing that the context leaves out but what its build makes', async () => {
    for (const name of recipe.whole) expect((await lstat(path.join(ROOT, name))).isSymbolicLink()).toBe(false);
    for (const pattern of recipe.packages) expect((await matching([pattern])).length).toBeGreaterThan(0);
    const ignored = (await readFile(path.join(ROOT, '.dockerignore'), 'utf8')).trim().split('\n');
    // `npm ci` makes the one, the build the other; nothing else of the checkout is missing.
    expect(ignored.sort()).toEqual(['**/dist', '**/node_modules', '.git', 'local']);
    const built = [...recipe.whole, ...recipe.packages].filter((name) => /(^|\/)(dist|node_modules)$/.test(name));
    expect(built.length).toBeGreaterThan(3);
  });

  it('runs on the nodes of the stack from the folders that the Dockerfile names', () => {
    const program = programOf('mirror.example/scc-orchestrator:1');
    expect(program).toMatchObject({ uid: recipe.uid, entrypoint: recipe.entrypoint, workingDir: recipe.workingDir });
    expect(recipe.gid).toBe(0);
    expect(program?.env).toMatchObject(recipe.env);
    const places = { ...program?.folders, ...program?.files };
    const names = [...recipe.whole, ...recipe.packages.map((pattern) => pattern.split('/')[0] ?? '')];
    expect(places).toEqual(
      Object.fromEntries(names.map((name) => [`/app/${path.basename(name)}`, path.join(ROOT, name)])),
    );
  });
});

describe('a Dockerfile that does not say how its image runs', () => {
  const TEXT = `FROM base AS build
RUN mkdir /app && mv package.json /app \\
  && tar -c apps/*/dist \\
  | tar -x -C /app
FROM base
ENV A=b C=d
WORKDIR /app
USER 65532:0
ENTRYPOINT ["node", "/app/scc.mjs"]
`;

  it('is read in its parts', () => {
    expect(recipeOf(TEXT)).toEqual({
      ...{ uid: 65532, gid: 0, entrypoint: ['node', '/app/scc.mjs'], workingDir: '/app' },
      ...{ env: { A: 'b', C: 'd' }, whole: ['package.json'], packages: ['apps/*/dist'] },
    });
  });

  it.each([
    ['USER', /^USER .*\n/m],
    ['WORKDIR', /^WORKDIR .*\n/m],
    ['ENTRYPOINT', /^ENTRYPOINT .*\n/m],
    ['mv … /app', /mv package.json \/app/],
    ['tar -c … |', /tar -c /],
  ])('is refused where it says no %s', (what, line) => {
    expect(() => recipeOf(TEXT.replace(line, ''))).toThrow(`deploy/docker/Dockerfile: says no ${what}`);
  });
});
