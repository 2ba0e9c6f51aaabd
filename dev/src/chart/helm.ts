import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HELM, HELM_3, PROMTOOL } from '../binaries/catalogue.js';
import { foundProgram } from '../binaries/program.js';

const run = promisify(execFile);
const MOST_BYTES = 32 * 1024 * 1024;

export interface HelmOptions {
  progress?: (line: string) => void;
  /** The major version; 4 unless given. */
  major?: 3 | 4;
}

/** The path of Helm in a pinned version; it is built when no machine has it yet. */
export const helmProgram = (major: 3 | 4, progress: (line: string) => void = () => undefined): Promise<string> =>
  foundProgram(major === 3 ? HELM_3 : HELM, progress);

/** The path of promtool in the version of the stack's Prometheus; it is built when no machine has it yet. */
export const promtoolProgram = (progress: (line: string) => void): Promise<string> => foundProgram(PROMTOOL, progress);

/** Runs helm. @returns what it printed. @throws Error with what it complained about */
export async function runHelm(
  args: readonly string[],
  { progress = () => undefined, major = 4 }: HelmOptions = {},
): Promise<string> {
  const helm = await helmProgram(major, progress);
  const { stdout } = await run(helm, [...args], { maxBuffer: MOST_BYTES }).catch((error: unknown) => {
    const said =
      error instanceof Error && 'stderr' in error
        ? `${String(error.stderr)}${'stdout' in error ? String(error.stdout) : ''}`
        : '';
    throw new Error(said.trim() === '' ? String(error) : said, { cause: error });
  });
  return stdout;
}
