import type { CheckFault } from '@scc/runtime';
import { Command, Option } from 'commander';
import { EXIT } from '../exit.js';
import { table } from '../output.js';
import type { Run, Session } from '../session.js';
import { lookAtApi, lookAtCRD } from './api.js';
import { lookAtGovernance, lookAtWebhook, lookAtWorkers } from './answers.js';
import { type Look, unseen } from './look.js';
import { lookAtProcesses, lookAtState } from './processes.js';
import { lookAtRights } from './rights.js';

/** The one part that is not looked at when nothing is to be said of it: it takes some hundred questions. */
const RIGHTS = 'rights';

/** In the order in which they are to be mended. */
const LOOKS: readonly (readonly [string, Look])[] = [
  ['kubernetes', lookAtApi],
  ['crd', lookAtCRD],
  ['installation', lookAtState],
  ['processes', lookAtProcesses],
  [RIGHTS, lookAtRights],
  ['webhook', lookAtWebhook],
  ['governance', lookAtGovernance],
  ['worker', lookAtWorkers],
];

interface Options {
  systemNamespace: string;
  without: string[];
}

/** Everything that keeps a plan from running. @param without parts of which nothing is said */
export async function faultsFound(session: Session, { systemNamespace, without }: Options): Promise<CheckFault[]> {
  const kube = await session.kube();
  const surroundings = { session, kube, namespace: systemNamespace };
  const found = await Promise.all(
    LOOKS.filter(([part]) => part !== RIGHTS || !without.includes(RIGHTS)).map(async ([part, look]) => {
      try {
        return await look(surroundings);
      } catch (error) {
        return [unseen(part, error)];
      }
    }),
  );
  return found.flat().filter(({ part }) => !without.includes(part));
}

async function check(session: Session, options: Options): Promise<number> {
  const faults = await faultsFound(session, options);
  if (faults.length === 0 && session.output.format !== 'json') return EXIT.ok;
  session.output.show(faults, () =>
    table(
      ['part', 'fault', 'remedy'],
      faults.map(({ part, fault, remedy }) => [part, fault, remedy]),
    ),
  );
  return faults.length === 0 ? EXIT.ok : EXIT.failed;
}

/** `sccctl check` */
export const clusterCheckCommand = (run: Run): Command =>
  new Command('check')
    .description('names everything that keeps plans from running, each with its remedy; says nothing when nothing does')
    .option('--system-namespace <namespace>', 'where the product is installed', 'scc-system')
    .addOption(new Option('--without <part...>', 'parts to say nothing of, such as prometheus').default([], 'none'))
    .action((options: Options) => run((session) => check(session, options)));
