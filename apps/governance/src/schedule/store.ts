import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { Refusal, requireVersion } from '../database/refusal.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import type { CallContext } from '../migrations/store.js';
import { isTimeZone, recurrenceSchema } from './occurrences.js';

/** A freeze (nothing starts or goes on) or a maintenance window (migrations run only inside of one). */
export const calendarEntrySchema = z.object({
  name: z
    .string()
    .min(1)
    .max(63)
    .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/),
  kind: z.enum(['freeze', 'window']),
  reason: z.string().min(1).max(1000),
  namespaces: z
    .array(z.string().regex(/^[-a-z0-9*]{1,63}$/))
    .min(1)
    .max(50)
    .default(['*']),
  label: z
    .object({ key: z.string().min(1).max(317), value: z.string().max(63) })
    .nullable()
    .default(null)
    .describe('Only namespaces that carry this label.'),
  timeZone: z.string().max(64).refine(isTimeZone, 'is no IANA time zone'),
  recurrence: recurrenceSchema,
});
export type CalendarEntry = z.infer<typeof calendarEntrySchema>;
export interface StoredCalendarEntry extends CalendarEntry {
  rowVersion: number;
  changedBy: string;
  changedAt: string;
}

const entryRow = z
  .object({
    name: z.string(),
    kind: z.enum(['freeze', 'window']),
    reason: z.string(),
    namespaces: z.array(z.string()),
    label_key: z.string().nullable(),
    label_value: z.string().nullable(),
    time_zone: z.string(),
    recurrence: recurrenceSchema,
    row_version: z.int(),
    changed_by: z.string(),
    changed_at: z.date(),
  })
  .transform((row): StoredCalendarEntry => ({
    name: row.name,
    kind: row.kind,
    reason: row.reason,
    namespaces: row.namespaces,
    label: row.label_key !== null && row.label_value !== null ? { key: row.label_key, value: row.label_value } : null,
    timeZone: row.time_zone,
    recurrence: row.recurrence,
    rowVersion: row.row_version,
    changedBy: row.changed_by,
    changedAt: row.changed_at.toISOString(),
  }));
const COLUMNS =
  'name, kind, reason, namespaces, label_key, label_value, time_zone, recurrence, row_version, changed_by, changed_at';

export const listCalendar = (db: Queryable): Promise<StoredCalendarEntry[]> =>
  rowsOf(db, entryRow, `select ${COLUMNS} from calendar_entry order by name limit 1000`);

/** @throws Refusal `notFound` */
export async function findCalendarEntry(db: Queryable, name: string): Promise<StoredCalendarEntry> {
  const entry = await rowOf(db, entryRow, `select ${COLUMNS} from calendar_entry where name = $1`, [name]);
  if (!entry) throw new Refusal('notFound', `no calendar entry ${name}`);
  return entry;
}

const lock = (tx: EntityManager, name: string): Promise<unknown> =>
  tx.query('select pg_advisory_xact_lock(hashtextextended($1, 45))', [name]);

/** Makes or changes a freeze or a window. @param expected the version that the caller saw, 0 for a new one. */
export async function saveCalendarEntry(
  tx: EntityManager,
  entry: CalendarEntry,
  expected: number | null,
  { actor, requestId, now }: CallContext,
): Promise<StoredCalendarEntry> {
  await lock(tx, entry.name);
  const before = await rowOf(tx, entryRow, `select ${COLUMNS} from calendar_entry where name = $1`, [entry.name]);
  requireVersion(expected, before?.rowVersion ?? 0, `the calendar entry ${entry.name}`);
  const after = await rowOf(
    tx,
    entryRow,
    `insert into calendar_entry (name, kind, reason, namespaces, label_key, label_value, time_zone, recurrence, changed_by, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (name) do update set kind = $2, reason = $3, namespaces = $4, label_key = $5, label_value = $6,
       time_zone = $7, recurrence = $8, changed_by = $9, changed_at = $10, row_version = calendar_entry.row_version + 1
     returning ${COLUMNS}`,
    [
      entry.name,
      entry.kind,
      entry.reason,
      entry.namespaces,
      entry.label?.key,
      entry.label?.value,
      entry.timeZone,
      JSON.stringify(entry.recurrence),
      actor.name,
      now,
    ],
  );
  if (!after) throw new Error('a calendar entry was stored without a row');
  await appendAudit(tx, {
    actor,
    action: `calendar.${entry.kind}Saved`,
    object: { kind: 'CalendarEntry', name: entry.name },
    requestId,
    details: { ...entry, before: before ? { rowVersion: before.rowVersion } : null },
  });
  return after;
}

export async function removeCalendarEntry(
  tx: EntityManager,
  name: string,
  expected: number | null,
  { actor, requestId }: CallContext,
): Promise<void> {
  await lock(tx, name);
  const { kind, reason, rowVersion } = await findCalendarEntry(tx, name);
  requireVersion(expected, rowVersion, `the calendar entry ${name}`);
  await tx.query('delete from calendar_entry where name = $1', [name]);
  await appendAudit(tx, {
    actor,
    action: `calendar.${kind}Removed`,
    object: { kind: 'CalendarEntry', name },
    requestId,
    details: { reason },
  });
}
