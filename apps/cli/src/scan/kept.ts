import { itemsSchema } from '@scc/governance-api';
import { keptScanDetailSchema, keptScanSchema, scanChangesSchema, scanRowSchema } from '@scc/scc/scan';
import { Command } from 'commander';
import { count, fields, table } from '../output.js';
import type { Run, Session } from '../session.js';
import { changesText, workloadsText } from './text.js';

const pathOf = (id: string): string => `/v1/scans/${encodeURIComponent(id)}`;

async function start(session: Session, { namespace, target }: { namespace?: string; target?: string }) {
  const body = { namespace: namespace ?? null, target: target ?? null };
  const kept = await session.governance().ask(keptScanSchema, { method: 'POST', path: '/v1/scans', body });
  session.output.show(kept, () => `scan ${kept.id} has begun; see it with sccctl scans show ${kept.id}`);
  return undefined;
}

async function list(session: Session) {
  const { items } = await session.governance().ask(itemsSchema(keptScanSchema), { method: 'GET', path: '/v1/scans' });
  session.output.show(items, () =>
    table(
      ['scan', 'of', 'by', 'at', 'state', 'workloads', 'strict', 'as they are', 'with a patch'],
      items.map(({ id, namespace, by, at, state, totals: { workloads, byCategory } }) => [
        ...[id, namespace ?? 'all namespaces', by, at, state],
        ...[workloads, byCategory.Strict, byCategory.AsIs, byCategory.Patch].map(String),
      ]),
    ),
  );
  return undefined;
}

async function show(session: Session, id: string) {
  const rest = session.governance();
  const kept = await rest.ask(keptScanDetailSchema, { method: 'GET', path: pathOf(id) });
  const rows = await rest.list(scanRowSchema, { path: `${pathOf(id)}/workloads` });
  session.output.show({ ...kept, rows }, () =>
    [
      fields([
        ['scan', kept.id],
        ['of', kept.namespace ?? 'all namespaces'],
        ['by', `${kept.by} at ${kept.at}`],
        ['state', kept.state],
        ['failure', kept.failure],
        ['held against', kept.aim],
        ['workloads', String(kept.totals.workloads)],
        ['not read', kept.unreadable.length > 0 ? count(kept.unreadable.length, 'thing') : null],
      ]),
      ...(rows.length > 0 ? [workloadsText(rows)] : []),
    ].join('\n\n'),
  );
  return undefined;
}

async function diff(session: Session, id: string, since: string | undefined) {
  const changes = await session
    .governance()
    .ask(scanChangesSchema, { method: 'GET', path: `${pathOf(id)}/changes`, ...(since ? { query: { since } } : {}) });
  session.output.show(changes, () => changesText(changes.items));
  return undefined;
}

/** `sccctl scans …` */
export function scansCommand(run: Run): Command {
  const command = new Command('scans').description('scans of the cluster that governance makes and keeps');
  command
    .command('start')
    .description('have governance scan the cluster')
    .option('-n, --namespace <name>', 'only this namespace')
    .option('--target <scc>', 'the SCC that is strict enough (default: restricted-v2)')
    .action((options: { namespace?: string; target?: string }) => run((session) => start(session, options)));
  command
    .command('list')
    .description('the scans that are kept')
    .action(() => run(list));
  command
    .command('show')
    .description('a scan, with its workloads')
    .argument('<scan>', 'its number')
    .action((id: string) => run((session) => show(session, id)));
  command
    .command('diff')
    .description('what changed since an earlier scan')
    .argument('<scan>', 'the number of the later one')
    .option('--since <scan>', 'the earlier one; the one before when it is not named')
    .action((id: string, { since }: { since?: string }) => run((session) => diff(session, id, since)));
  return command;
}
