import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HELM } from '../binaries/catalogue.js';
import { defaultCache, find } from '../binaries/find.js';

const run = promisify(execFile);
const MOST_BYTES = 32 * 1024 * 1024;

/** The helm of the pinned version; built when no machine has it yet. */
async function findHelm(progress: (line: string) => void): Promise<string> {
  const environment = process.env;
  const { binaries } = await find({ cache: defaultCache(environment), environment, catalogue: [HELM], progress });
  const helm = binaries[HELM.name];
  if (helm === undefined) throw new Error('helm was neither found nor built');
  return helm;
}

/** Runs helm. @returns what it printed. @throws Error with what it complained about */
export async function runHelm(
  args: readonly string[],
  progress: (line: string) => void = () => undefined,
): Promise<string> {
  const { stdout } = await run(await findHelm(progress), [...args], { maxBuffer: MOST_BYTES }).catch(
    (error: unknown) => {
      const said =
        error instanceof Error && 'stderr' in error
          ? `${String(error.stderr)}${'stdout' in error ? String(error.stdout) : ''}`
          : '';
      throw new Error(said.trim() === '' ? String(error) : said, { cause: error });
    },
  );
  return stdout;
}
