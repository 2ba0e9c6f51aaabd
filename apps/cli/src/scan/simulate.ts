import { compareScans, type ClusterObject, type SimulatedChange, withChange } from '@scc/scc/scan';
import { messageOf } from '@scc/runtime';
import { Command } from 'commander';
import { CliError, EXIT } from '../exit.js';
import type { Run, Session } from '../session.js';
import { collect, judgeScan, withListed, type SourceOptions } from './command.js';
import { collectFiles } from './files.js';
import { changesText } from './text.js';

interface SimulateOptions extends SourceOptions {
  scc: string[];
  deleteScc: string[];
  priority: string[];
  deleteBinding: string[];
  defaults?: string;
}

function priorityOf(text: string): SimulatedChange {
  const [, name, value] = /^([^=]+)=(-?\d+|none)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new CliError(`--priority: ${text} is not SCC=NUMBER`, 'Write it as anyuid=5, or anyuid=none.', EXIT.usage);
  return { change: 'set-priority', name, priority: value === 'none' ? null : Number(value) };
}

function bindingOf(text: string): SimulatedChange {
  const [first = '', second] = text.split('/');
  return { change: 'delete-binding', namespace: second === undefined ? null : first, name: second ?? first };
}

async function changesOf({
  scc,
  deleteScc,
  priority,
  deleteBinding,
  defaults,
}: SimulateOptions): Promise<SimulatedChange[]> {
  const { objects, unreadable } = await collectFiles(scc);
  const [broken] = unreadable;
  if (broken) throw new CliError(`--scc: ${broken.source}: ${broken.reason}`, null, EXIT.invalid);
  const changes: SimulatedChange[] = [
    ...(defaults === undefined ? [] : [{ change: 'default-sccs' as const, release: defaults }]),
    ...deleteScc.map((name): SimulatedChange => ({ change: 'delete-scc', name })),
    ...objects.map((object): SimulatedChange => ({ change: 'apply', object })),
    ...priority.map(priorityOf),
    ...deleteBinding.map(bindingOf),
  ];
  if (changes.length > 0) return changes;
  throw new CliError(
    'nothing is to be changed',
    'Pass --scc, --delete-scc, --priority, --delete-binding or --defaults.',
    EXIT.usage,
  );
}

async function simulate(session: Session, options: SimulateOptions): Promise<undefined> {
  const changes = await changesOf(options);
  const collected = await collect(session, options);
  let objects: readonly ClusterObject[] = collected.objects;
  try {
    for (const change of changes) objects = withChange(objects, change);
  } catch (error) {
    throw new CliError(messageOf(error), 'Nothing was simulated.', EXIT.usage);
  }
  const before = await judgeScan(session, collected, options);
  const after = await judgeScan(session, { objects: [...objects], unreadable: collected.unreadable }, options);
  for (const one of before.assumed) session.output.remark(`assumed: ${one}`);
  const differences = compareScans(before, after);
  session.output.show(differences, () => changesText(differences));
  return undefined;
}

/** `sccctl simulate` */
export const simulateCommand = (go: Run): Command =>
  new Command('simulate')
    .description('which workloads a change of SCCs or bindings would move or refuse at their next restart')
    .option(
      '-f, --filename <path>',
      'files, folders or a must-gather instead of the cluster; - reads standard input',
      withListed,
      [],
    )
    .option('-n, --namespace <name>', 'only these namespaces', withListed, [])
    .option('--scc <file>', 'SCCs to add, or to put in the place of those of their names', withListed, [])
    .option('--delete-scc <name>', 'an SCC to delete', withListed, [])
    .option('--priority <scc=number>', 'another priority of an SCC; none takes it away', withListed, [])
    .option(
      '--delete-binding <name>',
      'a ClusterRoleBinding, or NAMESPACE/NAME of a RoleBinding, to delete',
      withListed,
      [],
    )
    .option(
      '--defaults <version>',
      'the default SCCs of a release of OpenShift, such as 4.20, instead of the present ones',
    )
    .action((options: SimulateOptions) => go((session) => simulate(session, options)));
