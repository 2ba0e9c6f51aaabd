import type { EvaluationRequest } from '@scc/governance-api';
import { type Calendar, freezeAt, nextOpening, weeklyWindows } from '@scc/plan/schedule';
import { matchesPattern } from '@scc/policy';
import type { Database } from '../database/rows.js';
import { CalendarEntryEntity } from './calendar-entry.entity.js';

/** When the migration may go on: `at` is null when it may now. `never`: no opening is long enough. */
export interface StartTime {
  at: Date | null;
  never: boolean;
  reason: string;
}

const NOW: StartTime = { at: null, never: false, reason: 'neither a freeze nor a window stands against it' };

/** Entries of the calendar for a workload, with the windows of its plan. */
export async function calendarFor(db: Database, { plan, spec, facts }: EvaluationRequest): Promise<Calendar> {
  const entries = await db.getRepository(CalendarEntryEntity).find({ order: { name: 'ASC' } });
  const applying = entries
    .filter(({ namespaces }) => namespaces.some((pattern) => matchesPattern(pattern, plan.namespace)))
    .filter(({ labelKey: key, labelValue: value }) => key === null || facts.namespaceLabels[key] === value);
  return {
    freezes: applying.filter(({ kind }) => kind === 'freeze'),
    windows: [applying.filter(({ kind }) => kind === 'window'), weeklyWindows(spec.schedule.windows)],
  };
}

/** When the whole migration fits: inside of the windows of the calendar and of the plan, clear of freezes. */
export const nextStart = async (db: Database, request: EvaluationRequest, now: Date): Promise<StartTime> =>
  startIn(await calendarFor(db, request), request, now);

/** The same in a calendar that was read before. */
export function startIn(calendar: Calendar, request: EvaluationRequest, now: Date): StartTime {
  const { notBefore } = request.spec.schedule;
  const fromMs = Math.max(now.getTime(), notBefore === undefined ? 0 : Date.parse(notBefore));
  const opening = nextOpening(calendar, fromMs, request.expectedDurationSeconds * 1000);
  if (opening === null)
    return {
      at: null,
      never: true,
      reason: `no window within 400 days is open for the ${Math.ceil(request.expectedDurationSeconds / 60)} minutes that the migration is expected to take`,
    };
  if (opening <= now.getTime()) return NOW;
  const freeze = freezeAt(calendar, now.getTime());
  const why = freeze ? `the freeze ${freeze.name} is active` : 'the next opening that is long enough is later';
  return { at: new Date(opening), never: false, reason: `${why}; may start at ${new Date(opening).toISOString()}` };
}

/** Whether a freeze holds the workload now, and until when. */
export async function activeFreeze(db: Database, request: EvaluationRequest, now: Date): Promise<StartTime> {
  const freeze = freezeAt(await calendarFor(db, request), now.getTime());
  if (!freeze) return NOW;
  const at = new Date(freeze.untilMs);
  return { at, never: false, reason: `the freeze ${freeze.name} holds it until ${at.toISOString()}` };
}
