/** Windows and freezes in their time zones. Beside the front door: it holds what computes with wall times. */
export { isTimeZone, type Recurrence, recurrenceSchema } from './occurrences.js';
export { type Calendar, freezeAt, nextOpening, weeklyWindows, windowAt } from './openings.js';
