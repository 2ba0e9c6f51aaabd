import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

/** A thread as the kernel knows it. */
interface Thread {
  readonly id: string;
  /** The command line of its process, with blanks between. */
  readonly command: string;
  readonly name: string;
}

/** A file that has vanished reads as empty. */
const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** The processes that a process started, and those that they started. */
export async function descendantsOf(first: number): Promise<string[]> {
  const children = new Map<string, string[]>();
  for (const pid of (await list('/proc')).filter((name) => /^\d+$/.test(name))) {
    const parent = /^PPid:\s+(\d+)$/m.exec(await read(`/proc/${pid}/status`))?.[1] ?? '';
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: string[] = [];
  for (let next = [String(first)]; next.length > 0;) {
    next = next.flatMap((pid) => children.get(pid) ?? []);
    found.push(...next);
  }
  return found;
}

async function threadsOf(pid: string): Promise<Thread[]> {
  const command = (await read(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ');
  const ids = await list(`/proc/${pid}/task`);
  return Promise.all(
    ids.map(async (id) => ({ id, command, name: (await read(`/proc/${pid}/task/${id}/comm`)).trim() })),
  );
}

/**
 * Gives the last processor of the machine to some threads of the processes that this one started, and the others to the
 * rest of them, as a machine with processors to spare does by itself.
 *
 * @throws Error without a second processor
 */
export async function reserveProcessor(isFavoured: (thread: Thread) => boolean): Promise<void> {
  const last = availableParallelism() - 1;
  if (last < 1) throw new Error('a processor of its own takes two');
  const threads = (await Promise.all((await descendantsOf(process.pid)).map(threadsOf))).flat();
  const commands = threads.map((thread) => {
    const processors = isFavoured(thread) ? String(last) : `0-${last - 1}`;
    return `taskset -p -c ${processors} ${thread.id} >/dev/null 2>&1`;
  });
  await promisify(execFile)('sh', ['-c', [...commands, 'true'].join('\n')]);
}
