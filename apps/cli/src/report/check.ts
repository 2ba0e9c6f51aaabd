import {
  bodyOf,
  type AuditBody,
  isOfReport,
  isSignedBy,
  type LogRecord,
  type NoteVerifier,
  parseNote,
  REPORT_SECTIONS,
  reportEntries,
  type ReportSection,
  reportNoteText,
  unsaidInReport,
  verifyLog,
} from '@scc/audit';
import { matchesPattern } from '@scc/policy';
import { jsonOf } from '@scc/runtime';
import { z } from 'zod';
import { CliError } from '../exit.js';
import { entryProblems, headIn, readKey, unlessMalformed } from '../proof-check.js';
import { jsonTextOf, mapHash, type ReportFile, reportFileSchema } from './file.js';
import { embeddedIn, reportPageOf } from './page.js';

export interface ReportVerdict {
  period: { from: string; to: string };
  /** The pinned key when it signed; null without one. */
  signedBy: string | null;
  /** How many of each section; null for one that reports of its time did not have. */
  claims: Record<ReportSection, number | null>;
  entries: { proved: number; unsealed: number };
  /** The verdict on the whole log; null when no export of it was given. */
  log: string | null;
  /** Empty when the report is what governance signed and the log holds every entry of it. */
  problems: string[];
}

/** The report in a file of either form. @throws CliError for something else. */
export function reportIn(text: string): { file: ReportFile; problems: string[] } {
  const inner = embeddedIn(text);
  const parsed = reportFileSchema.safeParse(jsonOf(inner ?? text));
  if (!parsed.success) throw new CliError(`this is not a report: ${z.prettifyError(parsed.error)}`);
  const file = parsed.data;
  const expected = inner === null ? jsonTextOf(file) : reportPageOf(file);
  if (expected === text) return { file, problems: [] };
  const lines = text.split('\n');
  const line = expected.split('\n').findIndex((one, at) => one !== lines[at]) + 1;
  return {
    file,
    problems: [
      `line ${Math.max(line, 1)}: the file does not show what the report inside says, as this sccctl writes it`,
    ],
  };
}

/**
 * Checks a report alone: that its signature is about it, that each entry is in the signed log, and that its entries say
 * the same as it does.
 * @param vkey the key that must have signed; null checks everything but that.
 */
export function checkReport(file: ReportFile, vkey: string | null): ReportVerdict {
  const { document } = file;
  const { period, claims, audit } = document;
  const key = vkey === null ? null : readKey(vkey);
  const { head, problems: malformed } = headIn(audit.checkpoint);
  const problems = [
    ...malformed,
    ...signatureProblems(file, key),
    ...(mapHash(file.controls) === document.map ? [] : ['the mapping to controls is not the one that was named']),
    ...(head && key && !isSignedBy(head, key) ? ['the checkpoint is not signed by the given key'] : []),
    ...audit.entries.flatMap((entry) => entryProblems(entry, head)),
    ...unsaidInReport(document).map((claim) => `not proved by an entry: ${claim}`),
  ];
  const sealed = audit.entries.filter(({ index }) => index !== null).length;
  return {
    period,
    signedBy: key && problems.length === 0 ? key.vkey : null,
    claims: Object.fromEntries(REPORT_SECTIONS.map((section) => [section, claims[section]?.length ?? null])) as Record<
      ReportSection,
      number | null
    >,
    entries: { proved: sealed, unsealed: audit.entries.length - sealed },
    log: null,
    problems,
  };
}

function signatureProblems({ document, signature }: ReportFile, key: NoteVerifier | null): string[] {
  const note = unlessMalformed(() => parseNote(signature));
  if (!note) return ['the signature is malformed'];
  const [origin = ''] = note.text.split('\n');
  return [
    ...(note.text === reportNoteText(origin, document, document.period)
      ? []
      : ['the report was changed after it was signed']),
    ...(key && !isSignedBy(note, key) ? ['the report is not signed by the given key'] : []),
  ];
}

/**
 * Verifies an export of the whole log with the checkpoint of the report as an anchor, and looks in it for entries that the
 * report ought to hold.
 */
export async function checkAgainstLog(
  { document }: ReportFile,
  batches: AsyncIterable<readonly LogRecord[]>,
  keys: readonly string[],
): Promise<Pick<ReportVerdict, 'log' | 'problems'>> {
  const { namespaces, period, audit } = document;
  const size = headIn(audit.checkpoint).head?.size ?? 0;
  const takes = namespaces && ((one: string): boolean => namespaces.some((pattern) => matchesPattern(pattern, one)));
  const isOfTime = ({ action }: AuditBody): boolean =>
    document.claims.campaigns !== undefined || !action.startsWith('campaign.');
  const held = new Map(audit.entries.map((entry) => [entry.entryId, entry]));
  const missing = new Set(held.keys());
  const bodies: AuditBody[] = audit.entries.flatMap(({ index, body }) => (index === null ? (bodyOf(body) ?? []) : []));
  const look = (record: LogRecord): void => {
    if (record.t !== 'entry' && record.t !== 'unsealed') return;
    const body = record.entry && bodyOf(record.entry.body.toString('base64'));
    if (!body) return;
    if (record.entry && held.get(body.id)?.body === record.entry.body.toString('base64')) missing.delete(body.id);
    if (record.t === 'entry' && record.index < size && isOfReport(body, takes) && isOfTime(body)) bodies.push(body);
  };
  const anchors = audit.checkpoint === null ? [] : [{ source: 'the report', note: audit.checkpoint }];
  const report = await verifyLog(watched(batches, look), { origin: null, keys, anchors, receipts: [] });
  const unique = [...new Map(bodies.map((body) => [body.id, body])).values()];
  const left = [...reportEntries(unique, period)].filter((id) => !held.has(id));
  return {
    log: report.verdict,
    problems: [
      ...report.findings
        .filter(({ severity }) => severity === 'tampered')
        .map(({ fault, index, entryId, message }) => `the log: ${fault} at ${entryId ?? index ?? '?'}: ${message}`),
      ...[...missing].map((id) => `audit entry ${id}: the log does not hold it as the report does`),
      ...left.map((id) => `audit entry ${id}: the log holds it, the report leaves it out`),
    ],
  };
}

async function* watched(
  batches: AsyncIterable<readonly LogRecord[]>,
  look: (record: LogRecord) => void,
): AsyncGenerator<readonly LogRecord[]> {
  for await (const batch of batches) {
    batch.forEach(look);
    yield batch;
  }
}
