import { jsonOf } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { SYSTEM } from '../call/caller.js';
import { type Queryable, rowsOf } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { ANSWERED, type FoundContradiction } from './answers.js';
import { appendAuditBatch } from './append.js';
import { chunked } from './chunks.js';

/** Something contradicted the log; it stays open until an answer names it. */
const CONTRADICTED = 'record.contradicted';

/** More at once is one incident: the rest is in the log lines, and is found again once these are answered for. */
const MAX_KEPT = 200;
const MAX_MESSAGE_CHARACTERS = 300;

const entryRow = z.object({
  entryId: z.string(),
  action: z.string(),
  body: z.instanceof(Buffer).transform((bytes) => jsonOf(bytes.toString('utf8'))),
});
const named = z.array(z.object({ table: z.string(), key: z.string() })).default([]);
const contradictedSchema = z.object({
  details: z.object({
    found: z.array(z.object({ fault: z.string(), table: z.string(), key: z.string(), message: z.string() })),
  }),
});
const answeredSchema = z.object({ details: z.object({ rows: named, closed: named }) });

const placeOf = ({ table, key }: Pick<FoundContradiction, 'table' | 'key'>): string => `${table} ${key}`;

const idRow = z.object({ entryId: z.string() });

/** The answers that are in the log, to be asked for before a look. */
export async function answersIn(db: Queryable): Promise<ReadonlySet<string>> {
  const rows = await rowsOf(db, idRow, 'select entry_id as "entryId" from audit_entry where action = $1', [ANSWERED]);
  return new Set(rows.map(({ entryId }) => entryId));
}

interface Findings {
  /** Those that nobody has answered for since, by table and key. */
  open: Map<string, FoundContradiction>;
  /** Places that an answer named which is not among those known. */
  justAnswered: Set<string>;
}

async function findingsIn(db: Queryable, known: ReadonlySet<string>): Promise<Findings> {
  const rows = await rowsOf(
    db,
    entryRow,
    'select entry_id as "entryId", action, body from audit_entry where action = any($1) order by id',
    [[CONTRADICTED, ANSWERED]],
  );
  const open = new Map<string, FoundContradiction>();
  const justAnswered = new Set<string>();
  for (const { entryId, action, body } of rows) {
    if (action === CONTRADICTED) for (const found of foundIn(entryId, body)) open.set(placeOf(found), found);
    const answered = action === ANSWERED ? answeredIn(body).map(placeOf) : [];
    for (const place of answered) open.delete(place);
    if (!known.has(entryId)) answered.forEach((place) => justAnswered.add(place));
  }
  return { open, justAnswered };
}

const foundIn = (entryId: string, body: unknown): FoundContradiction[] =>
  (contradictedSchema.safeParse(body).data?.details.found ?? []).map((found) => ({
    ...{ ...found, holds: null, by: { index: null, entryId }, isOver: true },
    message: `${found.message} (no longer so; an answer is missing)`,
  }));

function answeredIn(body: unknown): { table: string; key: string }[] {
  const { rows = [], closed = [] } = answeredSchema.safeParse(body).data?.details ?? {};
  return [...rows, ...closed];
}

/**
 * Writes into the log what was found and is not open there yet, so that it stays found when its traces are removed. What
 * was answered for since the look began is left to the next one: it may have been seen as it was before.
 * @param answers those of the log when the look began
 * @returns what was found before, is over, and has no answer.
 */
export async function keepOpen(
  source: DataSource,
  found: readonly FoundContradiction[],
  answers: ReadonlySet<string>,
): Promise<FoundContradiction[]> {
  const { open } = await findingsIn(source, answers);
  if (found.some((one) => !open.has(placeOf(one)))) await write(source, found, answers);
  for (const one of found) open.delete(placeOf(one));
  return [...open.values()];
}

/** Once, however many replicas find it at a time. */
async function write(
  source: DataSource,
  found: readonly FoundContradiction[],
  answers: ReadonlySet<string>,
): Promise<void> {
  await inTransaction(source, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('${CONTRADICTED}'))`);
    const { open, justAnswered } = await findingsIn(tx, answers);
    const isKnown = (place: string): boolean => open.has(place) || justAnswered.has(place);
    const fresh = found.filter((one) => !isKnown(placeOf(one))).slice(0, MAX_KEPT);
    if (fresh.length === 0) return;
    const told = fresh.map(({ fault, table, key, message }) => ({
      ...{ fault, table, key },
      message: message.slice(0, MAX_MESSAGE_CHARACTERS),
    }));
    await appendAuditBatch(
      tx,
      chunked(told).map((part) => ({
        ...{ actor: SYSTEM, action: CONTRADICTED, object: { kind: 'AuditLog' }, requestId: null },
        details: { found: part },
      })),
    );
  });
}
