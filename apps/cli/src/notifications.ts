import {
  deliverySchema,
  GovernanceError,
  itemsSchema,
  type NotificationReceiver,
  receiverFaults,
  receiverInputSchema,
  receiverSchema,
  retriedSchema,
} from '@scc/governance-api';
import { Command } from 'commander';
import { z } from 'zod';
import { CliError, EXIT } from './exit.js';
import { readDocuments } from './manifests.js';
import { fields, table } from './output.js';
import type { Run, Session } from './session.js';

const RECEIVERS = '/v1/notification-receivers';
const pathOf = (name: string): string => `${RECEIVERS}/${encodeURIComponent(name)}`;

async function list(session: Session): Promise<undefined> {
  const { items } = await session.governance().ask(itemsSchema(receiverSchema), { method: 'GET', path: RECEIVERS });
  session.output.show(items, () =>
    table(
      ['receiver', 'type', 'namespaces', 'kinds', 'waiting', 'dead', 'last delivered', 'last error'],
      items.map((one) => [
        one.name,
        one.type,
        one.namespaces.join(', '),
        one.kinds.join(', '),
        String(one.waiting),
        String(one.dead),
        one.deliveredAt ?? '-',
        one.lastError ?? '-',
      ]),
    ),
  );
  return undefined;
}

/** The receiver as it is; null when there is none. */
async function receiverOf(session: Session, name: string): Promise<NotificationReceiver | null> {
  try {
    return await session.governance().ask(receiverSchema, { method: 'GET', path: pathOf(name) });
  } catch (error) {
    if (error instanceof GovernanceError && error.status === 404) return null;
    throw error;
  }
}

/** A condition that lets nothing be overwritten that was not seen. */
const seen = (receiver: NotificationReceiver | null): Record<string, string> =>
  receiver === null ? { 'if-none-match': '*' } : { 'if-match': `"${receiver.rowVersion}"` };

async function apply(session: Session, file: string): Promise<undefined> {
  for (const { value, source } of await readDocuments(file)) {
    const parsed = receiverInputSchema.safeParse(value);
    const faults = parsed.success ? receiverFaults(parsed.data) : [];
    if (!parsed.success || faults.length > 0) {
      const why = parsed.error
        ? z.prettifyError(parsed.error)
        : faults.map(({ field, message }) => `${field} ${message}`).join('; ');
      throw new CliError(
        `${source} is no receiver: ${why}`,
        'docs/NOTIFICATIONS.md describes receivers.',
        EXIT.invalid,
      );
    }
    const before = await receiverOf(session, parsed.data.name);
    const request = {
      method: 'PUT',
      path: pathOf(parsed.data.name),
      body: parsed.data,
      headers: seen(before),
    } as const;
    const saved = await session.governance().ask(receiverSchema, request);
    session.output.show(saved, () =>
      fields([
        ['receiver', saved.name],
        ['was', before === null ? 'made' : 'changed'],
        ['version', String(saved.rowVersion)],
      ]),
    );
  }
  return undefined;
}

async function failures(session: Session, receiver: string | undefined): Promise<undefined> {
  const of = (state: string) =>
    session.governance().list(deliverySchema, { path: '/v1/notification-deliveries', query: { state, receiver } }, 500);
  const items = [...(await of('dead')), ...(await of('waiting'))].filter(({ attempts }) => attempts > 0);
  session.output.show(items, () =>
    table(
      ['receiver', 'kind', 'of', 'state', 'attempts', 'next', 'error'],
      items.map((one) => [
        one.receiver,
        one.kind,
        [one.namespace, one.name].filter((part) => part !== null).join('/') || '-',
        one.state,
        String(one.attempts),
        one.state === 'dead' ? '-' : one.dueAt,
        one.lastError ?? '-',
      ]),
    ),
  );
  return undefined;
}

async function retry(session: Session, name: string): Promise<undefined> {
  const path = `${pathOf(name)}/retry`;
  const done = await session.governance().ask(retriedSchema, { method: 'POST', path });
  session.output.show(done, () =>
    fields([
      ['receiver', name],
      ['tried again', String(done.retried)],
    ]),
  );
  return undefined;
}

async function remove(session: Session, name: string): Promise<undefined> {
  const before = await receiverOf(session, name);
  if (before === null) throw new CliError(`there is no receiver ${name}`, '`sccctl notifications list` names them.');
  await session.governance().ask(z.undefined(), { method: 'DELETE', path: pathOf(name), headers: seen(before) });
  session.output.show({ removed: name }, () => fields([['removed', name]]));
  return undefined;
}

/** `sccctl notifications …` */
export function notificationsCommand(run: Run): Command {
  const command = new Command('notifications').description('receivers outside that are told of migrations');
  command
    .command('list')
    .description('receivers, with the messages that wait or were given up')
    .action(() => run((session) => list(session)));
  command
    .command('apply')
    .description('make or change receivers')
    .requiredOption('-f, --filename <file>', 'YAML or JSON; - for standard input')
    .action(({ filename }: { filename: string }) => run((session) => apply(session, filename)));
  command
    .command('failures')
    .description('messages that were not delivered, and why')
    .option('--receiver <name>', 'of this receiver alone')
    .action(({ receiver }: { receiver?: string }) => run((session) => failures(session, receiver)));
  command
    .command('retry')
    .description('try again what was given up')
    .argument('<receiver>')
    .action((name: string) => run((session) => retry(session, name)));
  command
    .command('remove')
    .description('remove a receiver with its messages')
    .argument('<receiver>')
    .action((name: string) => run((session) => remove(session, name)));
  return command;
}
