import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import type { Database } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import { requireVersion } from '../refusal/version.js';
import { CalendarEntryEntity } from './calendar-entry.entity.js';
import { isTimeZone, recurrenceSchema } from '@scc/plan/schedule';

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

const toEntry = ({ labelKey, labelValue, changedAt, ...row }: CalendarEntryEntity): StoredCalendarEntry => ({
  ...row,
  label: labelKey !== null && labelValue !== null ? { key: labelKey, value: labelValue } : null,
  changedAt: changedAt.toISOString(),
});

export async function listCalendar(db: Database): Promise<StoredCalendarEntry[]> {
  const rows = await db.getRepository(CalendarEntryEntity).find({ order: { name: 'ASC' }, take: 1000 });
  return rows.map(toEntry);
}

/** @throws Refusal `notFound` */
export async function findCalendarEntry(db: Database, name: string): Promise<StoredCalendarEntry> {
  const row = await db.getRepository(CalendarEntryEntity).findOneBy({ name });
  if (!row) throw new Refusal('notFound', `no calendar entry ${name}`);
  return toEntry(row);
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
  const entries = tx.getRepository(CalendarEntryEntity);
  const before = await entries.findOneBy({ name: entry.name });
  requireVersion(expected, before?.rowVersion ?? 0, `the calendar entry ${entry.name}`);
  const { name, label, ...content } = entry;
  const labelled = { labelKey: label?.key ?? null, labelValue: label?.value ?? null };
  const changed = { ...content, ...labelled, changedBy: actor.name, changedAt: now };
  if (before) await entries.update({ name }, changed);
  else await entries.insert({ name, ...changed });
  await appendAudit(tx, {
    actor,
    action: `calendar.${entry.kind}Saved`,
    object: { kind: 'CalendarEntry', name },
    requestId,
    details: { ...entry, before: before ? { rowVersion: before.rowVersion } : null, at: now.toISOString() },
  });
  return findCalendarEntry(tx, name);
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
  await tx.getRepository(CalendarEntryEntity).delete({ name });
  await appendAudit(tx, {
    actor,
    action: `calendar.${kind}Removed`,
    object: { kind: 'CalendarEntry', name },
    requestId,
    details: { reason },
  });
}
