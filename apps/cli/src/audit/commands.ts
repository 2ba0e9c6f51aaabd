import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import {
  type AuditContradictions,
  auditContradictionsSchema,
  auditEntryDetailSchema,
  auditEntrySummarySchema,
  auditStateSchema,
  leafHash,
  parseCheckpoint,
  readModelDifferencesSchema,
  verifyInclusion,
} from '@scc/audit';
import { Command } from 'commander';
import { z } from 'zod';
import { CliError, EXIT } from '../exit.js';
import { count, fields, table } from '../output.js';
import type { Run, Session } from '../session.js';
import { clusterAnchors } from './evidence.js';
import { temporalWitnesses } from './temporal.js';
import { verifyAudit, type VerifyOptions } from './verify.js';

async function exportLog(session: Session, file: string | undefined): Promise<undefined> {
  const log = await session.governance().open({ method: 'GET', path: '/v1/audit/export' });
  if (file === undefined) await pipeline(log, process.stdout, { end: false });
  else await pipeline(log, createWriteStream(file, { mode: 0o600 }));
  return undefined;
}

async function show(session: Session, id: string): Promise<number> {
  const path = `/v1/audit/entries/${encodeURIComponent(id)}`;
  const entry = await session.governance().ask(auditEntryDetailSchema, { method: 'GET', path });
  const leaf = leafHash(Buffer.from(entry.bytes, 'base64'));
  const { inclusion, body } = entry;
  const proof = inclusion?.path.map((hash) => Buffer.from(hash, 'hex')) ?? [];
  const head = inclusion?.checkpoint == null ? null : parseCheckpoint(inclusion.checkpoint);
  const isProved =
    inclusion && head
      ? verifyInclusion({ index: inclusion.index, size: head.size, leaf, path: proof, root: head.root })
      : null;
  session.output.show({ ...entry, proved: isProved }, () =>
    fields([
      ['entry', entry.id],
      ['at', body.occurredAt],
      ['actor', body.actor.name],
      ['action', body.action],
      ['object', [body.object.kind, body.object.namespace, body.object.name].filter(Boolean).join(' ')],
      ['details', JSON.stringify(body.details)],
      ['index', entry.index === null ? 'not sealed yet' : String(entry.index)],
      ['proof', isProved === null ? 'none yet' : isProved ? `valid against ${head?.size ?? 0} entries` : 'INVALID'],
    ]),
  );
  return isProved === false ? EXIT.tampered : EXIT.ok;
}

interface ListOptions {
  limit: string;
  [filter: string]: string | undefined;
}

async function list(session: Session, { limit, ...filter }: ListOptions): Promise<undefined> {
  const wanted = Number(limit);
  if (!Number.isSafeInteger(wanted) || wanted < 1)
    throw new CliError(`--limit: ${limit} is not a whole number above 0`, null, EXIT.usage);
  const items = await session
    .governance()
    .list(auditEntrySummarySchema, { path: '/v1/audit/entries', query: filter }, wanted);
  session.output.show(items, () =>
    table(
      ['at', 'actor', 'action', 'object', 'index', 'id'],
      items.map(({ id, index, body: { occurredAt, actor, action, object } }) => [
        occurredAt,
        actor.name,
        action,
        [object.kind, object.namespace, object.name].filter(Boolean).join('/'),
        index === null ? '-' : String(index),
        id,
      ]),
    ),
  );
  return undefined;
}

async function checkpoint(session: Session): Promise<undefined> {
  const state = await session.governance().ask(auditStateSchema, { method: 'GET', path: '/v1/audit/checkpoint' });
  session.output.show(state, () => state.checkpoint ?? 'the log is empty');
  return undefined;
}

/** Gathers the checkpoints that are kept outside of the database. */
async function gather(session: Session, file: string | undefined): Promise<undefined> {
  if (!session.hasCluster && !session.hasTemporal)
    throw new CliError(
      'neither a cluster nor Temporal is known',
      'Pass --kubeconfig FILE, --temporal HOST:PORT, or both.',
    );
  const anchors = [
    ...(session.hasCluster ? await clusterAnchors(await session.kube()) : []),
    ...(session.hasTemporal ? (await temporalWitnesses(await session.temporal())).anchors : []),
  ];
  await save(session, { found: anchors, what: 'checkpoint' }, file);
  return undefined;
}

/** Gathers the receipts that governance gave the engine. */
async function gatherReceipts(session: Session, file: string | undefined): Promise<undefined> {
  if (!session.hasTemporal) throw new CliError('Temporal is not known', 'Pass --temporal HOST:PORT.');
  const { receipts } = await temporalWitnesses(await session.temporal());
  await save(session, { found: receipts, what: 'receipt' }, file);
  return undefined;
}

async function save(
  session: Session,
  { found, what }: { found: readonly unknown[]; what: string },
  file: string | undefined,
): Promise<void> {
  const text = `${JSON.stringify(found, null, 2)}\n`;
  if (file === undefined) session.output.raw(text);
  else await writeFile(file, text);
  session.output.remark(`${count(found.length, what)} found`);
}

const CONTRADICTIONS = '/v1/audit/contradictions';

/** @returns the exit code: 2 while something contradicts the log. */
function showFound(session: Session, found: AuditContradictions): number {
  const { published, rows } = found;
  const isFound = published !== null || rows.length > 0;
  session.output.show(found, () =>
    isFound
      ? table(
          ['fault', 'row', 'entry', 'what'],
          [
            ...(published ? [['published checkpoint', '-', '-', published.message]] : []),
            ...rows.map(({ fault, table: name, key, by, message }) => [
              ...[fault, `${name}/${key}`, by?.entryId ?? '-', message],
            ]),
          ],
        )
      : 'nothing contradicts the audit log',
  );
  return isFound ? EXIT.tampered : EXIT.ok;
}

async function contradictions(session: Session): Promise<number> {
  return showFound(
    session,
    await session.governance().ask(auditContradictionsSchema, { method: 'GET', path: CONTRADICTIONS }),
  );
}

async function answer(
  session: Session,
  { reason, row, published = false }: { reason: string; row: string[]; published?: boolean },
): Promise<number> {
  const rows = row.map((name) => {
    const at = name.indexOf('/');
    if (at < 1) throw new CliError(`--row: ${name} is not TABLE/KEY`, 'Take it from audit contradictions.', EXIT.usage);
    return { table: name.slice(0, at), key: name.slice(at + 1) };
  });
  const body = { reason, rows, published };
  const left = await session
    .governance()
    .ask(auditContradictionsSchema, { method: 'POST', path: `${CONTRADICTIONS}/answers`, body });
  return showFound(session, left);
}

/** @returns the exit code: 2 when what is read of migrations does not follow from the log. */
async function rebuild(session: Session, { check = false }: { check?: boolean }): Promise<number> {
  const governance = session.governance();
  if (!check) {
    const done = await governance.ask(rebuiltSchema, { method: 'POST', path: '/v1/migrations/rebuild' });
    session.output.show(done, () => `built ${count(done.migrations, 'migration')} again from the stored events`);
    return EXIT.ok;
  }
  const path = '/v1/read-model/differences';
  const found = await governance.ask(readModelDifferencesSchema, { method: 'GET', path });
  const { migrations, differences } = found;
  session.output.show(found, () =>
    differences.length === 0
      ? `what is read of ${count(migrations, 'migration')} follows from the audit log`
      : table(
          ['plan', 'uid', 'table', 'what'],
          differences.map((one) => [
            ...[`${one.namespace}/${one.name}`, one.uid, one.table],
            one.isAnswered ? `${one.message} (answered for)` : one.message,
          ]),
        ),
  );
  return differences.every(({ isAnswered }) => isAnswered) ? EXIT.ok : EXIT.tampered;
}
const rebuiltSchema = z.object({ migrations: z.int() });

const collect = (value: string, previous: string[]): string[] => [...previous, value];

/** `sccctl audit …` */
export function auditCommand(run: Run): Command {
  const audit = new Command('audit').description('read and verify the audit log');
  audit
    .command('verify')
    .description('verify the whole log; exit code 0 clean, 2 tampered, 3 incomplete, or not checked without --key')
    .option('--online', 'read the log from governance (the default)')
    .option('--export <file>', 'read an export instead, - for standard input; needs no network')
    .option('--since <file>', 'a checkpoint that was confirmed before: the log must continue it')
    .option('--receipts <file>', 'receipts that callers kept: each entry must be there')
    .option('--anchors <file>', 'checkpoints that were kept elsewhere: the log must agree with each')
    .option(
      '--key <key>',
      'the public key to trust (NAME+KEYID+BASE64, or its file); several may be given',
      collect,
      [],
    )
    .option('--origin <name>', 'the log that this must be')
    .option('--no-cluster', 'do not look for checkpoints in the ConfigMap and in the status of plans')
    .option('--no-kept', 'do not use the receipts that sccctl kept of your own changes')
    .option('--save-head <file>', 'write the newest confirmed checkpoint, for the next --since')
    .action((options: VerifyOptions) => run((session) => verifyAudit(session, options)));
  audit
    .command('contradictions')
    .description('rows of authority and published checkpoints that the log contradicts; exit code 2 when there are any')
    .action(() => run(contradictions));
  audit
    .command('answer')
    .description('accept what contradicts the log, as it is now, under your name')
    .requiredOption('--reason <text>', 'what was found out, and why it is accepted')
    .option('--row <table/key>', 'a row, as contradictions names it; several may be given', collect, [])
    .option('--published', 'also accept that the log does not continue the published checkpoint')
    .action((options: Parameters<typeof answer>[1]) => run((session) => answer(session, options)));
  audit
    .command('rebuild')
    .description('build what is read of migrations again from their events')
    .option('--check', 'only compare it with the audit log; exit code 2 when it does not follow from it')
    .action((options: { check?: boolean }) => run((session) => rebuild(session, options)));
  audit
    .command('export')
    .description('write the whole log, one JSON record a line')
    .argument('[file]', 'standard output when absent')
    .action((file: string | undefined) => run((session) => exportLog(session, file)));
  audit
    .command('list')
    .description('entries, the newest first')
    .option('--actor <name>')
    .option('--action <action>', 'such as approval.granted')
    .option('--kind <kind>')
    .option('--namespace <namespace>')
    .option('--name <name>')
    .option('--from <time>', 'RFC 3339, inclusive')
    .option('--to <time>', 'RFC 3339, exclusive')
    .option('--limit <number>', 'how many', '50')
    .action((options: ListOptions) => run((session) => list(session, options)));
  audit
    .command('show')
    .description('one entry, and whether its proof is valid')
    .argument('<id>')
    .action((id: string) => run((session) => show(session, id)));
  audit
    .command('checkpoint')
    .description('the newest signed checkpoint, to be kept somewhere else')
    .action(() => run(checkpoint));
  audit
    .command('anchors')
    .description('the checkpoints in the ConfigMap, in plans and in the histories of migrations, for --anchors')
    .argument('[file]', 'standard output when absent')
    .action((file: string | undefined) => run((session) => gather(session, file)));
  audit
    .command('receipts')
    .description('the receipts in the histories of migrations, for --receipts')
    .argument('[file]', 'standard output when absent')
    .action((file: string | undefined) => run((session) => gatherReceipts(session, file)));
  return audit;
}
