import path from 'node:path';
import { ROOT } from '../paths.js';

/** An image that is a program of this checkout: what a node runs for it is a real process. */
export interface Program {
  /** The user and the entrypoint of the image, as its Dockerfile says them. */
  uid: number;
  entrypoint: string[];
  env: Record<string, string>;
  workingDir: string;
  /** Folders of the image and where they are on this machine. */
  folders: Record<string, string>;
  /** Single files, likewise. */
  files: Record<string, string>;
}

const APP = '/app';
const inCheckout = (names: readonly string[], from = ''): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`${APP}/${name}`, path.join(ROOT, from, name)]));

/** deploy/docker/Dockerfile, with the checkout's own packages and Node. */
const PRODUCT: Program = {
  uid: 65532,
  entrypoint: ['node', `${APP}/scc.mjs`],
  env: {
    NODE_ENV: 'production',
    NODE_OPTIONS: '--enable-source-maps',
    PATH: `${APP}/node_modules/node/bin:/usr/local/bin:/usr/bin:/bin`,
    HOME: '/',
    TZ: 'UTC',
  },
  workingDir: APP,
  folders: inCheckout(['node_modules', 'apps', 'libs', 'workflows']),
  files: { ...inCheckout(['package.json']), ...inCheckout(['scc.mjs'], 'deploy/docker') },
};

const PROGRAMS: Record<string, Program> = { 'scc-orchestrator': PRODUCT };

/** The program behind an image, whatever its registry, tag or digest; null when it is none. */
export function programOf(reference: string): Program | null {
  const name = reference.split('/').at(-1)?.split(/[:@]/, 1)[0] ?? '';
  return Object.hasOwn(PROGRAMS, name) ? (PROGRAMS[name] ?? null) : null;
}
