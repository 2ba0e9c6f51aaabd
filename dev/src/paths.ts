import { existsSync } from 'node:fs';
import path from 'node:path';

/** The repository: the nearest folder above this file that holds the Go modules of the local stack. */
export const ROOT = (() => {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'dev', 'modules')) || path.basename(folder) === 'dist') {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error(`no repository above ${import.meta.dirname}`);
    folder = parent;
  }
  return folder;
})();

/** The Node that the dependencies pin, whatever Node started us. */
export const NODE = path.join(ROOT, 'node_modules', 'node', 'bin', 'node');

const runsFromSource = import.meta.filename.endsWith('.ts');

/** Node's arguments to run a script of dev/src (given without its ending), compiled or from source as we run ourselves. */
export function scriptArguments(script: string): string[] {
  if (!runsFromSource) return [path.join(ROOT, 'dist', 'dev', 'src', `${script}.js`)];
  return ['--import', path.join(ROOT, 'scripts', 'typescript.mjs'), path.join(ROOT, 'dev', 'src', `${script}.ts`)];
}

/** The compiled main file of an app. */
export const appMain = (app: string): string => path.join(ROOT, 'dist', 'apps', app, 'src', 'main.js');

/**
 * A command that goes before others for the processor: pods, proxies and clients stand for other machines, so the work
 * of the control plane must not slow them down. Who may not do this gets a line in the log and no priority.
 */
export const ahead = (command: string, args: readonly string[]): { command: string; args: string[] } => ({
  command: 'nice',
  args: ['-n', '-5', command, ...args],
});

/**
 * A command that runs only while nobody else wants the processor. On a cluster the control plane has machines of its own;
 * here it would otherwise stand in the way of the very requests that are measured.
 */
export const behind = (command: string, args: readonly string[]): { command: string; args: string[] } => ({
  command: 'chrt',
  args: ['--idle', '0', command, ...args],
});
