import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf, pause } from '@scc/runtime';

const run = promisify(execFile);

/** A group of processes below which further ones can be made whose memory the kernel limits. */
interface Controller {
  /** Of cgroups: the unified ones, or those with a tree for each controller. */
  version: 1 | 2;
  folder: string;
}

const ROOT = '/sys/fs/cgroup';
const PREFIX = 'scc-dev-';
const TRIES = 40;
const TRY_EVERY_MS = 50;

/**
 * The groups that may hold ours, the nearest first: the one of this process, so that a limit of whoever started it holds as
 * well, and those above it.
 * @param groups the text of /proc/self/cgroup
 */
export function parentsOf(groups: string): Controller[] {
  const found = (version: 1 | 2, mount: string, pattern: RegExp): Controller[] => {
    const own = pattern.exec(groups)?.[1];
    if (own === undefined) return [];
    const names = own.split('/').filter((name) => name !== '' && name !== '..');
    return Array.from({ length: names.length + 1 }, (_, less) => ({
      version,
      folder: path.join(mount, ...names.slice(0, names.length - less)),
    }));
  };
  return [
    ...found(1, path.join(ROOT, 'memory'), /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/m),
    ...found(2, ROOT, /^0::(.*)$/m),
  ];
}

const UNITS: Record<string, number> = { m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const BINARY_UNITS: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** Bytes of a quantity of the API, such as 768Mi. @throws Error when it is none */
export function bytesOf(quantity: string): number {
  const [, number = '', unit = ''] = /^([0-9.]+(?:[eE][0-9]+)?)([a-zA-Z]*)$/.exec(quantity) ?? [];
  const factor = UNITS[unit] ?? BINARY_UNITS[unit];
  if (number === '' || factor === undefined) throw new Error(`limits.memory: ${quantity} is no quantity; say 768Mi`);
  return Math.floor(Number(number) * factor);
}

/** Processes that share one limit of memory, as those of a container do. */
export class MemoryGroup {
  readonly #version: 1 | 2;
  readonly #folder: string;

  private constructor({ version }: Controller, folder: string) {
    this.#version = version;
    this.#folder = folder;
  }

  /** @throws Error where the kernel does not let us */
  static async make(parent: Controller, name: string, bytes: number): Promise<MemoryGroup> {
    const { version } = parent;
    const folder = path.join(parent.folder, `${PREFIX}${name}`);
    if (version === 2) await writeFile(path.join(parent.folder, 'cgroup.subtree_control'), '+memory');
    await mkdir(folder, { recursive: true });
    const group = new MemoryGroup(parent, folder);
    const put = (file: string, text: string): Promise<void> => writeFile(path.join(folder, file), text);
    // Files of a kernel that counts swap, or that ends a group as one.
    const perhaps = (file: string, text: string): Promise<void> => put(file, text).catch(() => undefined);
    try {
      await put(version === 2 ? 'memory.max' : 'memory.limit_in_bytes', String(bytes));
    } catch (error) {
      await group.end();
      throw error;
    }
    if (version === 2) await Promise.all([perhaps('memory.swap.max', '0'), perhaps('memory.oom.group', '1')]);
    else await perhaps('memory.memsw.limit_in_bytes', String(bytes));
    return group;
  }

  /** A process that writes 0 here joins the group, and its children are born in it. */
  get door(): string {
    return path.join(this.#folder, 'cgroup.procs');
  }

  /** Ends what is left of the group, and removes it. @returns whether the kernel ended one for its memory */
  async end(): Promise<boolean> {
    const counts = await this.#read(this.#version === 2 ? 'memory.events' : 'memory.oom_control');
    for (let tries = 0; tries < TRIES; tries++) {
      // Those of other process namespaces are shown as 0.
      for (const pid of (await this.#read('cgroup.procs')).split('\n').map(Number).filter(Boolean)) kill(pid);
      if (await removed(this.#folder)) break;
      await pause(TRY_EVERY_MS);
    }
    return Number(/^oom_kill (\d+)$/m.exec(counts)?.[1] ?? 0) > 0;
  }

  #read(file: string): Promise<string> {
    return readFile(path.join(this.#folder, file), 'utf8').catch(() => '');
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

const removed = (folder: string): Promise<boolean> =>
  rmdir(folder).then(
    () => true,
    () => !existsSync(folder),
  );

const ownGroups = (): Promise<string> => readFile('/proc/self/cgroup', 'utf8').catch(() => '');

/** Makes a group, has a process join it, and removes it. @throws Error where one of these is not possible */
async function tryOut(parent: Controller): Promise<void> {
  const group = await MemoryGroup.make(parent, `try-${process.pid}`, bytesOf('64Mi'));
  try {
    await run('sh', ['-c', 'echo 0 > "$1"', 'sh', group.door]);
  } finally {
    await group.end();
  }
}

async function findMemoryLimits(): Promise<Controller | string> {
  if (process.getuid?.() !== 0) return 'only root may limit the memory of processes';
  let why = `there is no memory controller below ${ROOT}`;
  for (const parent of parentsOf(await ownGroups()).filter(({ folder }) => existsSync(folder)))
    try {
      await tryOut(parent);
      return parent;
    } catch (error) {
      why = messageOf(error);
    }
  return why;
}

let found: Promise<Controller | string> | undefined;

/** Where this process can limit the memory of others, or why it cannot; tried out once. */
export const memoryLimits = (): Promise<Controller | string> => (found ??= findMemoryLimits());

/** @param stateDir of the stack, whose end makes the group a leftover. @returns null where memory cannot be limited */
export async function memoryGroup(stateDir: string, name: string, bytes: number): Promise<MemoryGroup | null> {
  const limits = await memoryLimits();
  if (typeof limits === 'string') return null;
  return MemoryGroup.make(limits, `${path.basename(stateDir)}-${name}`, bytes).catch(() => null);
}

/** Removes the groups of stacks that are gone with their folders. */
export async function removeMemoryGroups(): Promise<void> {
  const limits = await memoryLimits();
  if (typeof limits === 'string') return;
  for (const name of await readdir(limits.folder)) {
    const [, state] = /^scc-dev-(scc-\w+-\w{6})-/.exec(name) ?? [];
    if (state !== undefined && !existsSync(path.join(tmpdir(), state))) await removed(path.join(limits.folder, name));
  }
}
