const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** A time in the unit that people would say it in. */
export function spanOf(ms: number): string {
  if (ms >= HOUR_MS && ms % HOUR_MS === 0) return `${ms / HOUR_MS} h`;
  return ms >= MINUTE_MS ? `${Math.round(ms / MINUTE_MS)} min` : `${ms / 1000} s`;
}
