import path from 'node:path';
import type { ResolvedOptions } from '../supervisor/protocol.js';

/** Helpers for every part's definition. */
export interface PartContext {
  stateDir: string;
  binary: (name: string) => string;
  options: ResolvedOptions;
  /** Bearer tokens of the users that the API server knows, by user. */
  tokens: Record<string, string>;
  /** A path below the state directory. */
  file: (...segments: string[]) => string;
}

export const fileIn =
  (stateDir: string) =>
  (...segments: string[]): string =>
    path.join(stateDir, ...segments);

/** Whether a plain HTTP GET is answered with a status below 400. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await response.arrayBuffer();
  return response.ok;
}
