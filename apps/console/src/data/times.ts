const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** A length of time by its two largest units. @param ms milliseconds */
export function durationOf(ms: number): string {
  let rest = Math.max(0, ms);
  const parts: string[] = [];
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

/** How long ago a point in time is. @param now milliseconds since 1970 */
export const agoOf = (at: string, now: number): string => durationOf(now - Date.parse(at));

const DAY_MS = 86_400_000;

/** A point on an axis as short as its span lets it be told: the time of day, with the day where there are several. */
export const tickOf = (ms: number, spanMs: number, zone?: string): string =>
  new Intl.DateTimeFormat('en', {
    ...(spanMs < DAY_MS ? {} : { month: 'short', day: 'numeric' }),
    ...(spanMs > 7 * DAY_MS ? {} : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).format(ms);
