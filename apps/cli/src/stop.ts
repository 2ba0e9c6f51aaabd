import { emergencyStopSchema, itemsSchema, type StopAnswer, stopAnswerSchema } from '@scc/governance-api';
import { Command } from 'commander';
import { CliError, EXIT } from './exit.js';
import { fields, table } from './output.js';
import type { Run, Session } from './session.js';

interface StopOptions {
  all?: boolean;
  namespace?: string;
  takeBack?: boolean;
  reason?: string;
}

const DID: Record<StopAnswer['migrations'][number]['did'], string> = {
  held: 'held where it is',
  takenBack: 'is taken back',
  undoing: 'was being taken back already',
  notBegun: 'has touched nothing, and does not begin',
};

function reasonOf(reason: string | undefined): string {
  if (reason !== undefined) return reason;
  throw new CliError('--reason: there is none', 'Say why; it is kept in the audit log.', EXIT.usage);
}

/** The stop holds for them too; but no workflow keeps in order what they have left in the cluster. */
const unreachedOf = ({ unreached }: StopAnswer): string =>
  [
    'NOT REACHED: no step of these is allowed either, but see that their workflows run, and what they left:',
    table(
      ['namespace', 'plan', 'workflow', 'reason'],
      unreached.map(({ namespace, name, workflowId, reason }) => [namespace, name, workflowId, reason]),
    ),
  ].join('\n');

const scopeOf = (namespace: string | null): string => namespace ?? 'all namespaces';

async function stop(session: Session, { all, namespace, takeBack, reason }: StopOptions): Promise<number> {
  if ((namespace === undefined) !== (all === true))
    throw new CliError('stop: say which migrations', 'Pass --namespace NAMESPACE, or --all.', EXIT.usage);
  const body = { namespace: namespace ?? null, takeBack: takeBack ?? false, reason: reasonOf(reason) };
  const done = await session.governance().ask(stopAnswerSchema, { method: 'POST', path: '/v1/stops', body });
  session.output.show(done, () =>
    [
      fields([
        ['stop', done.id],
        ['of', scopeOf(done.namespace)],
        ['lift it with', `sccctl stop lift ${done.id} --reason REASON`],
      ]),
      table(
        ['namespace', 'plan', 'phase', 'what was done'],
        done.migrations.map((one) => [one.namespace, one.name, one.phase, DID[one.did]]),
      ),
      ...(done.unreached.length > 0 ? [unreachedOf(done)] : []),
    ].join('\n\n'),
  );
  return done.unreached.length > 0 ? EXIT.unreached : EXIT.ok;
}

async function list(session: Session, all: boolean): Promise<undefined> {
  const { items } = await session
    .governance()
    .ask(itemsSchema(emergencyStopSchema), { method: 'GET', path: '/v1/stops', query: { all: String(all) } });
  session.output.show(items, () =>
    table(
      ['stop', 'of', 'by', 'at', 'takes back', 'reason', 'lifted'],
      items.map((one) => [
        one.id,
        scopeOf(one.namespace),
        one.by,
        one.at,
        one.takeBack ? 'yes' : 'no',
        one.reason,
        one.liftedAt === null ? '-' : `${one.liftedAt} by ${one.liftedBy ?? '-'}`,
      ]),
    ),
  );
  return undefined;
}

async function lift(session: Session, id: string, given: string | undefined): Promise<undefined> {
  const reason = reasonOf(given);
  const path = `/v1/stops/${encodeURIComponent(id)}/lift`;
  const lifted = await session.governance().ask(emergencyStopSchema, { method: 'POST', path, body: { reason } });
  session.output.show(lifted, () =>
    fields([
      ['stop', lifted.id],
      ['of', scopeOf(lifted.namespace)],
      ['lifted', lifted.liftedAt],
      ['by', lifted.liftedBy],
    ]),
  );
  return undefined;
}

/** `sccctl stop …` */
export function stopCommand(run: Run): Command {
  const command = new Command('stop')
    .description('the emergency stop: hold every migration where it is, or take all of them back')
    .option('--all', 'the migrations of all namespaces')
    .option('-n, --namespace <namespace>', 'the migrations of one namespace')
    .option('--take-back', 'undo what has begun, instead of holding it')
    .option('--reason <reason>', 'why; needed, also to lift a stop')
    .action((options: StopOptions) => run((session) => stop(session, options)));
  command
    .command('list')
    .description('the stops in force')
    .option('--lifted', 'also those that were lifted')
    .action(({ lifted }: { lifted?: boolean }) => run((session) => list(session, lifted ?? false)));
  command
    .command('lift')
    .description('let migrations go on; what was taken back stays so')
    .argument('<stop>', 'the number of the stop')
    .action((id: string) => run((session) => lift(session, id, command.opts<StopOptions>().reason)));
  return command;
}
