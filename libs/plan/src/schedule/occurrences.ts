import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const clock = z
  .string()
  .regex(/^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/)
  .describe('Wall time HH:MM; 24:00 is the end of the day.');
const wallTime = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]$/)
  .refine(isWallTime, 'no such date')
  .describe('Wall time YYYY-MM-DDTHH:MM in the zone of the entry.');

export const recurrenceSchema = z.discriminatedUnion('type', [
  z
    .object({ type: z.literal('once'), from: wallTime, to: wallTime })
    .refine(({ from, to }) => from < to, { path: ['to'], error: 'ends before it begins' }),
  z.object({
    type: z.literal('weekly'),
    ranges: z
      .array(z.object({ days: z.array(z.enum(DAYS)).min(1).max(7), from: clock, to: clock }))
      .min(1)
      .max(20),
  }),
]);
export type Recurrence = z.infer<typeof recurrenceSchema>;

/** Milliseconds since the epoch; the end does not belong to it. */
export interface Span {
  from: number;
  to: number;
}

export interface Recurring {
  timeZone: string;
  recurrence: Recurrence;
}

/**
 * Where the clock is set back a wall time happens twice, where it is set forward it does not happen: a freeze then takes
 * the longer reading and a window the shorter one.
 */
export type WallTimeReading = 'longer' | 'shorter';

/** The spans of an entry that touch the given span, in order of their start. */
export function occurrences(entry: Recurring, within: Span, reading: WallTimeReading): Span[] {
  const spans =
    entry.recurrence.type === 'once' ? [once(entry, entry.recurrence, reading)] : weekly(entry, within, reading);
  return spans
    .filter((span) => span.from < span.to && span.from < within.to && span.to > within.from)
    .sort((a, b) => a.from - b.from);
}

function once({ timeZone }: Recurring, { from, to }: { from: string; to: string }, reading: WallTimeReading): Span {
  return spanOf(Temporal.PlainDateTime.from(from), Temporal.PlainDateTime.from(to), { timeZone, reading });
}

function weekly({ timeZone, recurrence }: Recurring, within: Span, reading: WallTimeReading): Span[] {
  if (recurrence.type !== 'weekly') return [];
  const spans: Span[] = [];
  const last = dateAt(within.to, timeZone);
  // A range that began on the day before may reach into the span.
  for (
    let date = dateAt(within.from, timeZone).subtract({ days: 1 });
    Temporal.PlainDate.compare(date, last) <= 0;
    date = date.add({ days: 1 })
  )
    for (const range of recurrence.ranges) {
      const day = DAYS[date.dayOfWeek - 1];
      if (!day || !range.days.includes(day)) continue;
      const endsNextDay = range.to !== '24:00' && range.to <= range.from;
      const end = endsNextDay ? date.add({ days: 1 }) : date;
      spans.push(spanOf(at(date, range.from), at(end, range.to), { timeZone, reading }));
    }
  return spans;
}

const dateAt = (ms: number, timeZone: string): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone).toPlainDate();

const at = (date: Temporal.PlainDate, time: string): Temporal.PlainDateTime =>
  time === '24:00' ? date.add({ days: 1 }).toPlainDateTime() : date.toPlainDateTime(Temporal.PlainTime.from(time));

function spanOf(
  from: Temporal.PlainDateTime,
  to: Temporal.PlainDateTime,
  { timeZone, reading }: { timeZone: string; reading: WallTimeReading },
): Span {
  const [first, last] = reading === 'longer' ? (['earlier', 'later'] as const) : (['later', 'earlier'] as const);
  return {
    from: from.toZonedDateTime(timeZone, { disambiguation: first }).epochMilliseconds,
    to: to.toZonedDateTime(timeZone, { disambiguation: last }).epochMilliseconds,
  };
}

/** An IANA zone by its name; an offset such as +01:00 knows no daylight saving, and is none. */
export function isTimeZone(timeZone: string): boolean {
  if (!/^[A-Za-z]/.test(timeZone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone);
    return true;
  } catch {
    return false;
  }
}

function isWallTime(text: string): boolean {
  try {
    Temporal.PlainDateTime.from(text, { overflow: 'reject' });
    return true;
  } catch {
    return false;
  }
}
