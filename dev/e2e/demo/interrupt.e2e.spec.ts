import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { ROOT } from '../../src/paths.js';

const START_MS = 300_000;
const END_MS = 60_000;
const TEST_MS = START_MS + 2 * END_MS;

interface Process {
  pid: number;
  parent: number;
  /** Tells it from a later process of the same number. */
  startedAt: string;
  network: string;
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const found = await Promise.all(
    pids.map(async (pid): Promise<Process | undefined> => {
      try {
        const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
        // A process that has ended and waits for its parent to look has no namespaces any more.
        const network = await readlink(`/proc/${pid}/ns/net`);
        return { pid, parent: Number(fields[1]), startedAt: fields[19] ?? '', network };
      } catch {
        return undefined;
      }
    }),
  );
  return found.filter((one) => one !== undefined);
}

const keyOf = ({ pid, startedAt }: Process): string => `${pid} since ${startedAt}`;

/** A process and all that it started, directly or not. */
function familyOf(all: readonly Process[], pid: number): Process[] {
  const children = all.filter(({ parent }) => parent === pid);
  return [...all.filter((one) => one.pid === pid), ...children.flatMap((child) => familyOf(all, child.pid))];
}

const mounts = (): Promise<string> => readFile('/proc/self/mounts', 'utf8');

let folder: string;
let demo: ChildProcess;
let output: string;
beforeEach(async () => {
  // All state goes to the folder for temporary files, so nothing may be in it at the end.
  folder = await mkdtemp(path.join(tmpdir(), 'scc-int-'));
  output = '';
  demo = spawn('npm', ['run', 'demo', '--', '--only', '1', '--seconds', '2', '--keep'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    // As in a terminal: a group of its own, to which Ctrl-C goes.
    detached: true,
    env: { ...process.env, NODE_OPTIONS: '', TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: '1' },
  });
  demo.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  demo.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
});
afterEach(async () => {
  try {
    process.kill(-(demo.pid ?? 0), 'SIGKILL');
  } catch {
    // The group has ended, as it should.
  }
  await rm(folder, { recursive: true, force: true });
});

/** Waits until the migration is in a phase; the processes of the demo, and the networks that it made. */
async function migratingIn(phase: string): Promise<{ family: string[]; networks: Set<string> }> {
  await waitFor(() => output.includes(`${phase} |`), { timeoutMs: START_MS, everyMs: 20, what: phase }).catch(
    (error: unknown) => {
      throw new Error(`the demo did not come so far:\n${output}`, { cause: error });
    },
  );
  const family = familyOf(await processes(), demo.pid ?? 0);
  const own = await readlink('/proc/self/ns/net');
  return {
    family: family.map(keyOf),
    networks: new Set(family.map(({ network }) => network).filter((n) => n !== own)),
  };
}

/** Waits until no process of the demo runs, nothing is in its networks and its folder is empty. */
async function nothingRemains({ family, networks }: Awaited<ReturnType<typeof migratingIn>>): Promise<void> {
  const remains = async (): Promise<string[]> => {
    const left = (await processes()).filter((one) => family.includes(keyOf(one)) || networks.has(one.network));
    return [...left.map(keyOf), ...(await readdir(folder))];
  };
  await waitFor(async () => (await remains()).length === 0, { timeoutMs: END_MS, what: 'everything to end' }).catch(
    async (error: unknown) => {
      throw new Error(`left: ${(await remains()).join(', ')}`, { cause: error });
    },
  );
}

describe('the demo in the middle of a migration', () => {
  it(
    'ends on Ctrl-C, says so by its exit code, and leaves nothing',
    async () => {
      const before = await mounts();
      const exited = once(demo, 'exit') as Promise<[number | null]>;
      const seen = await migratingIn('Migrating');
      expect(seen.networks.size).toBe(1);
      expect(seen.family.length).toBeGreaterThan(10);
      process.kill(-(demo.pid ?? 0), 'SIGINT');
      const [code] = await exited;
      expect(code).not.toBe(0);
      expect(output).toContain('stopping');
      await nothingRemains(seen);
      expect(await mounts()).toBe(before);
    },
    TEST_MS,
  );

  it(
    'ends and leaves nothing when what started it is killed',
    async () => {
      const before = await mounts();
      const seen = await migratingIn('TrafficShifting');
      demo.kill('SIGKILL');
      await nothingRemains(seen);
      expect(await mounts()).toBe(before);
    },
    TEST_MS,
  );
});
