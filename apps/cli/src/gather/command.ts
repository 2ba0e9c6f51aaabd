import { Command, InvalidArgumentError } from 'commander';
import { faultsFound } from '../check/command.js';
import { count } from '../output.js';
import type { Run, Session } from '../session.js';
import { installedVersions } from '../version.js';
import { gatherInto, type GatherOptions } from './collect.js';

async function gather(session: Session, options: GatherOptions): Promise<undefined> {
  const { systemNamespace, directory } = options;
  const gathered = await gatherInto(session, options, [
    ['versions.json', () => installedVersions(session, systemNamespace)],
    ['check.json', () => faultsFound(session, { systemNamespace, without: [] })],
  ]);
  const { files, missing } = gathered;
  session.output.show(gathered, () =>
    [
      `${count(files.length, 'file')} in ${directory}, without secrets as far as they can be told; look through them before you pass them on`,
      ...missing.map(({ file, reason }) => `not there: ${file} (${reason})`),
    ].join('\n'),
  );
  return undefined;
}

const MINUTE = 60;
const UNITS: Readonly<Record<string, number>> = { m: MINUTE, h: 60 * MINUTE, d: 24 * 60 * MINUTE };

function secondsIn(text: string): number {
  const [, number = '', unit = ''] = /^([1-9][0-9]{0,4})([mhd])$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('a number of minutes, hours or days such as 30m, 2h or 1d');
}

/** `sccctl gather` */
export const gatherCommand = (run: Run): Command =>
  new Command('gather')
    .description('put what is needed to look for a fault into a folder, without secrets')
    .requiredOption('-d, --directory <folder>', 'a new folder')
    .option('-n, --namespace <namespace>', 'only plans of this namespace')
    .option('--plan <name>', 'only plans of this name')
    .option('--since <duration>', 'how far back logs go', secondsIn, 2 * 60 * MINUTE)
    .option('--system-namespace <namespace>', 'where the product is installed', 'scc-system')
    .action(({ since, ...options }: Omit<GatherOptions, 'sinceSeconds'> & { since: number }) =>
      run((session) => gather(session, { ...options, sinceSeconds: since })),
    );
