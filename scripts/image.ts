/**
 * Builds the image as docs/INSTALL.md says, with buildah in place of an engine, and tries its programs as any uid of group
 * 0. Needs buildah and root. The base is made of this machine's own programs unless `--base`, or SCC_TEST_BASE in the
 * environment, names one (`node:24-bookworm-slim`, `oci-archive:FILE`). `--report FILE` counts.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { fillBase } from './image-base.ts';
import { root } from './packages.ts';

const { values: options } = parseArgs({ options: { base: { type: 'string' }, report: { type: 'string' } } });
const given = options.base ?? process.env['SCC_TEST_BASE'];
const OWN_BASE = 'localhost/scc-base:try';

const MOST_BYTES = 64 * 1024 * 1024;
const ANY_UID = '1000690000:0';
const TAG = 'localhost/scc-orchestrator:try';
/** What each program says to an environment that holds nothing. */
const PROGRAMS: Readonly<Record<string, RegExp>> = {
  governance: /Invalid environment:\n/,
  webhook: /Invalid environment:\n/,
  migrate: /Invalid environment:\n/,
  'default-sccs': /does not run in a cluster/,
  worker: /Invalid environment:\n/,
  watcher: /Invalid environment:\n/,
  'uninstall-check': /does not run in a cluster/,
  sccctl: /Usage: sccctl/,
};

const folder = await mkdtemp(path.join(tmpdir(), 'scc-image-build-'));
const storage = [
  '--root',
  path.join(folder, 'root'),
  '--runroot',
  path.join(folder, 'run'),
  '--storage-driver',
  'overlay',
];

async function buildah(...args: string[]): Promise<{ said: string; ok: boolean }> {
  try {
    const { stdout, stderr } = await promisify(execFile)('buildah', [...storage, ...args], { maxBuffer: MOST_BYTES });
    return { said: `${stdout}${stderr}`.trim(), ok: true };
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
    return { said: `${stdout}${stderr}`.trim() || message, ok: false };
  }
}

async function done(...args: string[]): Promise<string> {
  const { said, ok } = await buildah(...args);
  if (!ok) throw new Error(`buildah ${args[0] ?? ''}: ${said.split('\n').slice(-20).join('\n')}`);
  return said;
}

/** An image with this machine's Node, npm and shell. */
async function makeBase(): Promise<string> {
  const rootfs = path.join(folder, 'base');
  await fillBase(rootfs);
  const container = (await done('from', 'scratch')).split('\n').at(-1) ?? '';
  await done('add', container, rootfs, '/');
  await done('commit', '--rm', container, OWN_BASE);
  await rm(rootfs, { recursive: true });
  return OWN_BASE;
}

/** npm in the build as npm out here is configured: its file, and the authorities that Node is told to trust. */
async function npmVolumes(): Promise<string[]> {
  const file = path.join(folder, 'npmrc');
  const authorities = process.env['NODE_EXTRA_CA_CERTS'];
  const text = await readFile(path.join(homedir(), '.npmrc'), 'utf8').catch(() => '');
  const trusted = authorities !== undefined && existsSync(authorities) ? '\ncafile=/npm-authorities.crt\n' : '\n';
  await writeFile(file, `${text}${trusted}`, { mode: 0o600 });
  return [
    ...['--volume', `${file}:/root/.npmrc:ro`],
    ...(trusted === '\n' ? [] : ['--volume', `${authorities ?? ''}:/npm-authorities.crt:ro`]),
  ];
}

const figures = { programs: 0, failed: 0, megabytes: 0 };
const fail = (text: string): void => {
  console.error(text);
  figures.failed += 1;
};
try {
  await mkdir(path.join(folder, 'root'));
  await done(
    ...['build', '--isolation', 'chroot', '--file', path.join(root, 'deploy', 'docker', 'Dockerfile')],
    ...(given === undefined ? ['--pull-never'] : []),
    ...['--build-arg', `BASE=${given ?? (await makeBase())}`],
    ...(await npmVolumes()),
    ...['--tag', TAG, root],
  );
  const container = (await done('from', TAG)).split('\n').at(-1) ?? '';
  const mounted = (await done('mount', container)).split('\n').at(-1) ?? '';
  const size = await promisify(execFile)('du', ['-sm', path.join(mounted, 'app')]);
  figures.megabytes = Number(/^\d+/.exec(size.stdout)?.[0] ?? 0);
  for (const [name, expected] of Object.entries(PROGRAMS)) {
    const words = [
      '--isolation',
      'chroot',
      '--user',
      ANY_UID,
      '--env',
      'HOME=/',
      container,
      '--',
      'node',
      '/app/scc.mjs',
    ];
    const { said } = await buildah('run', ...words, name);
    figures.programs += 1;
    if (!expected.test(said)) fail(`${name}: ${said}`);
  }
  const written = await buildah('run', '--isolation', 'chroot', '--user', ANY_UID, container, '--', 'touch', '/app/x');
  if (written.ok) fail('/app can be written by a user of group 0');
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
} finally {
  await buildah('rm', '--all');
  await rm(folder, { recursive: true, force: true });
}
console.log(`${figures.programs} programs, ${figures.failed} failed, ${figures.megabytes} MB in /app`);
if (options.report !== undefined) await writeFile(options.report, JSON.stringify(figures));
process.exitCode = figures.failed > 0 ? 1 : 0;
