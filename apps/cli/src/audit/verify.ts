import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { codeOf, messageOf } from '@scc/runtime';
import {
  type Anchor,
  auditContradictionsSchema,
  type Finding,
  type HeldReceipt,
  type LogRecord,
  NoteError,
  parseCheckpoint,
  parseExportLine,
  ExportFormatError,
  type Trust,
  verifyLog,
  type VerifyReport,
} from '@scc/audit';
import { CliError, EXIT } from '../exit.js';
import { count, fields, table } from '../output.js';
import type { Session } from '../session.js';
import { anchorsOf, clusterAnchors, publicKeyOf, receiptsOf } from './evidence.js';

export interface VerifyOptions {
  online?: boolean;
  export?: string;
  since?: string;
  receipts?: string;
  anchors?: string;
  key: string[];
  origin?: string;
  cluster: boolean;
  kept: boolean;
  saveHead?: string;
}

const BATCH = 1_000;

/** The records of an export, in batches: one step of an iterator for each line would cost more than judging it. */
export async function* recordsOf(lines: Readable): AsyncGenerator<LogRecord[]> {
  let batch: LogRecord[] = [];
  let number = 0;
  for await (const line of createInterface({ input: lines, crlfDelay: Infinity })) {
    number += 1;
    batch.push(parseExportLine(line, number));
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

async function openLog(session: Session, options: VerifyOptions): Promise<Readable> {
  if (options.export !== undefined && options.online)
    throw new CliError('--online and --export exclude each other', null, EXIT.usage);
  if (options.export === '-') return process.stdin;
  if (options.export !== undefined) return createReadStream(options.export);
  await askForContradictions(session);
  return session.governance().open({ method: 'GET', path: '/v1/audit/export' });
}

/** Governance writes what it finds into the log, which is read next. */
async function askForContradictions(session: Session): Promise<void> {
  try {
    await session.governance().ask(auditContradictionsSchema, { method: 'GET', path: '/v1/audit/contradictions' });
  } catch (error) {
    session.output.remark(`governance was not asked what contradicts the log now: ${messageOf(error)}`);
  }
}

async function anchorsFor(session: Session, { since, anchors, cluster }: VerifyOptions): Promise<Anchor[]> {
  const files = [
    ...(since === undefined ? [] : await anchorsOf('--since', since)),
    ...(anchors === undefined ? [] : await anchorsOf('--anchors', anchors)),
  ];
  if (!cluster || !session.hasCluster) return files;
  try {
    return [...files, ...(await clusterAnchors(await session.kube()))];
  } catch (error) {
    session.output.remark(`no checkpoints from the cluster: ${messageOf(error)} (--no-cluster leaves it away)`);
    return files;
  }
}

/** The words of the report; without a key to trust, anybody could have signed a log that agrees with itself. */
type Said = Omit<VerifyReport, 'verdict'> & { readonly verdict: VerifyReport['verdict'] | 'not checked' };

const NOT_CHECKED = 'not checked: pass the key of the audit log with --key';

/** @returns the exit code: 0 clean, 2 tampered, 3 incomplete or not checked. */
export async function verifyAudit(session: Session, options: VerifyOptions): Promise<number> {
  const trust = {
    origin: options.origin ?? null,
    keys: await Promise.all(options.key.map(publicKeyOf)),
    anchors: await anchorsFor(session, options),
    receipts: options.receipts === undefined ? [] : await receiptsOf('--receipts', options.receipts),
  };
  const judged = await judge(session, options, trust);
  const isChecked = judged.verdict !== 'clean' || trust.keys.length > 0;
  const report: Said = isChecked ? judged : { ...judged, verdict: 'not checked' };
  if (options.saveHead !== undefined && report.head !== null && report.verdict === 'clean')
    await writeFile(options.saveHead, report.head);
  session.output.show(report, () => reportText(report));
  return { clean: EXIT.ok, tampered: EXIT.tampered, incomplete: EXIT.incomplete, 'not checked': EXIT.incomplete }[
    report.verdict
  ];
}

async function judge(session: Session, options: VerifyOptions, trust: Trust): Promise<VerifyReport> {
  try {
    const log = recordsOf(await openLog(session, options));
    const first = await log.next();
    const kept = first.done || !options.kept ? [] : await keptOf(session, first.value, trust);
    return await verifyLog(continued(first, log), { ...trust, receipts: [...trust.receipts, ...kept] });
  } catch (error) {
    if (error instanceof NoteError) throw new CliError(`--key: ${error.message}`, 'Write it as NAME+KEYID+BASE64.');
    if (error instanceof ExportFormatError)
      throw new CliError(error.message, 'It is not an export, or it was cut within a line.', EXIT.incomplete);
    if (codeOf(error) === 'ENOENT') throw new CliError(`--export: ${messageOf(error)}`);
    throw error;
  }
}

async function* continued(
  first: IteratorResult<LogRecord[], void>,
  rest: AsyncGenerator<LogRecord[]>,
): AsyncGenerator<LogRecord[]> {
  if (!first.done) yield first.value;
  yield* rest;
}

/** The receipts that sccctl kept of this log. */
async function keptOf(session: Session, first: readonly LogRecord[], { origin, keys }: Trust): Promise<HeldReceipt[]> {
  const header = first.find((record) => record.t === 'header');
  if (!header || !session.kept) return [];
  return session.kept.of(origin ?? header.origin, [...keys, ...header.keys]);
}

const place = ({ index, entryId }: Finding): string =>
  [index === null ? null : `entry ${index}`, entryId].filter((part) => part !== null).join(' ') || 'no place';

export function reportText(report: Said): string {
  const { verdict, first, findings, checked, head } = report;
  const confirmed = head === null || verdict === 'tampered' || verdict === 'not checked' ? null : parseCheckpoint(head);
  const lines = [
    fields([
      ['verdict', verdict === 'not checked' ? NOT_CHECKED : verdict],
      ['first bad entry', first && place(first)],
      ['fault', first && `${first.fault}: ${first.message}`],
      ['entries', `${count(checked.sealed, 'sealed entry', 'sealed entries')}, ${checked.unsealed} waiting`],
      ['checked against', checkedText(checked)],
      [
        'confirmed up to',
        confirmed && `${confirmed.size} of ${confirmed.origin}, root ${confirmed.root.toString('base64')}`,
      ],
    ]),
  ];
  const others = findings.filter((finding) => finding !== first);
  if (others.length > 0)
    lines.push(
      '',
      table(
        ['severity', 'fault', 'where', 'what'],
        others.map((finding) => [finding.severity, finding.fault, place(finding), finding.message]),
      ),
    );
  return lines.join('\n');
}

const checkedText = ({ checkpoints, anchors, receipts, rows }: VerifyReport['checked']): string =>
  [
    ...[count(checkpoints, 'checkpoint'), count(anchors, 'anchor'), count(receipts, 'receipt')],
    count(rows, 'row of authority', 'rows of authority'),
  ].join(', ');
