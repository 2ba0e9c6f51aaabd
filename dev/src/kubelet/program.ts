import { statSync } from 'node:fs';
import path from 'node:path';
import { NODE, postgresFolder, ROOT, scriptOf } from '../paths.js';
import { productRecipe } from './dockerfile.js';

/** An image that is a program of this checkout: what a node runs for it is a real process. */
export interface Program {
  /** The user and the entrypoint of the image, as its Dockerfile says them. */
  uid: number;
  entrypoint: string[];
  env: Record<string, string>;
  workingDir: string;
  /** Folders of the image and where they are on this machine. */
  folders: Record<string, string>;
  /** Single files, likewise; they are copied, so they are small. */
  files: Record<string, string>;
  /** The line of the image's user in /etc/passwd, for programs that ask for their name. */
  passwd?: string;
  /** It talks to itself on the loopback: it listens there, and its node passes on what comes to the pod's address. */
  onLoopback?: true;
  /** By which the image wants to be stopped; SIGTERM unless given. */
  stopSignal?: NodeJS.Signals;
}

/** deploy/docker/Dockerfile, with the checkout's own packages and Node; of each package with all of its folder. */
function product(): Program {
  const { uid, entrypoint, workingDir, env, whole, packages } = productRecipe();
  const inside = (names: readonly string[], of: (name: string) => string): Record<string, string> =>
    Object.fromEntries(names.map((name) => [path.posix.join(workingDir, of(name)), path.join(ROOT, name)]));
  const isFile = (name: string): boolean => statSync(path.join(ROOT, name)).isFile();
  const parents = [...new Set(packages.map((pattern) => pattern.split('/', 1)[0] ?? ''))];
  return {
    uid,
    entrypoint,
    env: {
      ...env,
      PATH: `${workingDir}/node_modules/node/bin:/usr/local/bin:/usr/bin:/bin`,
      HOME: '/',
      TZ: 'UTC',
    },
    workingDir,
    folders: inside([...whole.filter((name) => !isFile(name)), ...parents], (name) => path.basename(name)),
    files: inside(whole.filter(isFile), (name) => path.basename(name)),
  };
}

const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

/** The official image of PostgreSQL as far as the chart uses it, with the programs that npm installed. */
const postgres = (): Program => ({
  uid: 0,
  entrypoint: ['sh', '/entrypoint.sh'],
  env: { PATH: `/pgsql/bin:${SYSTEM_PATH}`, HOME: '/', TZ: 'UTC', LANG: 'C' },
  workingDir: '/',
  folders: { '/pgsql': postgresFolder() },
  files: { '/entrypoint.sh': path.join(ROOT, 'dev', 'images', 'postgres.sh') },
  passwd: 'postgres:x:999:999::/:',
  stopSignal: 'SIGINT',
});

/** The image of a program's own makers, with the stack's program; the arguments say what it does. */
const ownImage = (program: string): Program => ({
  uid: 1000,
  entrypoint: [`/programs/${path.basename(program)}`],
  env: { PATH: SYSTEM_PATH, HOME: '/', TZ: 'UTC' },
  workingDir: '/',
  folders: { '/programs': path.dirname(program) },
  files: {},
});

/** A server that keeps what it acknowledges in its volume, as a database does. */
const database = (): Program => ({
  uid: 0,
  entrypoint: ['node', '/database.mjs'],
  env: { PATH: `/node/bin:${SYSTEM_PATH}`, NODE_OPTIONS: '--max-old-space-size=64', HOME: '/', TZ: 'UTC' },
  workingDir: '/',
  folders: { '/node': path.dirname(path.dirname(NODE)) },
  files: { '/database.mjs': scriptOf('images/database') },
});

/** Programs of the machine that images need, by name. */
export interface MachinePrograms {
  temporal?: string;
  envoy?: string;
}

/** The program behind an image, whatever its registry, tag or digest; null when it is none. */
export function programOf(reference: string, machine: MachinePrograms = {}): Program | null {
  const name = reference.split('/').at(-1)?.split(/[:@]/, 1)[0] ?? '';
  if (name === 'scc-orchestrator') return product();
  if (name === 'postgres') return postgres();
  if (name === 'database') return database();
  if (name === 'temporal' && machine.temporal !== undefined) return { ...ownImage(machine.temporal), onLoopback: true };
  if (name === 'envoy' && machine.envoy !== undefined) return ownImage(machine.envoy);
  return null;
}
