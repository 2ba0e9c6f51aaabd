/** The fuzzer of the API: installed once, its version pinned, into ~/.cache/stateful-scc-orchestrator. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const VERSION = '4.32.5';
/** With one seed, these decide what is generated. */
const PACKAGES = [`schemathesis==${VERSION}`, 'hypothesis==6.170.17', 'jsonschema-rs==0.60.3'];
const PYTHON_NEEDED = 11;
const run = promisify(execFile);

/** Something that a person must do first; the message is one line. */
export class MissingPython extends Error {}

/** The version of a Python 3 that has pip. */
async function pythonVersion(): Promise<string> {
  const { stdout } = await run('python3', ['-c', 'import pip, sys; print("%d.%d" % sys.version_info[:2])']).catch(
    () => ({
      stdout: 'none with pip',
    }),
  );
  const found = stdout.trim();
  const [, minor] = /^3\.(\d+)$/.exec(found) ?? [];
  if (minor === undefined || Number(minor) < PYTHON_NEEDED)
    throw new MissingPython(
      `Python 3.${PYTHON_NEEDED} or newer with pip is needed to fuzz the API (found: ${found}): install the packages python3 and python3-pip, or put a newer python3 on PATH.`,
    );
  return found;
}

export interface Tool {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
}

/** How to run schemathesis: command, first arguments and environment. @throws MissingPython without Python or pip. */
export async function schemathesis(progress: (line: string) => void): Promise<Tool> {
  // Parts of it are compiled for one Python.
  const name = `schemathesis-${VERSION}-python${await pythonVersion()}`;
  const cache = path.join(homedir(), '.cache', 'stateful-scc-orchestrator');
  const folder = path.join(cache, name);
  if (!existsSync(folder)) await install(cache, folder, progress);
  return {
    command: 'python3',
    args: ['-m', 'schemathesis.cli'],
    env: { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
  };
}

/** The folder appears only when it is whole; of two that install at once, the first one's stays. */
async function install(cache: string, folder: string, progress: (line: string) => void): Promise<void> {
  progress(`installing ${path.basename(folder)}, once`);
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(path.join(cache, '.schemathesis-'));
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', scratch, ...PACKAGES];
  try {
    await run('python3', pip);
    await rename(scratch, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
