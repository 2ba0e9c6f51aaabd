import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { variableOf } from '../binaries/catalogue.js';

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/**
 * HAProxy of the machine: the one that the environment names, else one on PATH or where Debian's package puts it; null
 * where there is none. Nothing here builds it.
 */
export function findHaproxy(environment: NodeJS.ProcessEnv = process.env): string | null {
  const explicit = environment[variableOf('haproxy')];
  const folders = [...(environment['PATH'] ?? '').split(path.delimiter), '/usr/sbin'];
  const places = explicit ? [explicit] : folders.map((folder) => path.join(folder, 'haproxy'));
  return places.find(isProgram) ?? null;
}

/** Whether the machine has an HAProxy. */
export const hasHaproxy = (): boolean => findHaproxy() !== null;

/** The sentence of a test that did not look, where there is no HAProxy. */
export const HAPROXY_MISSING =
  'HAProxy is not installed (Debian: apt-get install haproxy), so that nothing was tried with it';
