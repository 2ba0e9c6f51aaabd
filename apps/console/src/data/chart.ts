/** A point of a line: when (milliseconds since 1970) and how much. */
export interface Dot {
  at: number;
  value: number;
}

export interface Box {
  width: number;
  height: number;
}

export interface Range {
  from: number;
  to: number;
}

const ROOM = 0.1;
const rounded = (value: number): number => Math.round(value * 10) / 10;

/** The range that holds all values, with some room on both sides, but none below 0 for what is never below it; never empty. */
export function rangeOf(values: readonly number[], most = Infinity): Range {
  const [from, to] = [Math.min(...values), Math.max(...values)];
  if (!Number.isFinite(from) || !Number.isFinite(to)) return { from: 0, to: 1 };
  const more = from === to ? Math.max(1, Math.abs(from)) * ROOM : (to - from) * ROOM;
  const least = from >= 0 ? 0 : -Infinity;
  return { from: Math.max(least, from - more), to: Math.max(to, Math.min(most, to + more)) };
}

/** A place on an axis of so many units. */
export const placeOn = (value: number, { from, to }: Range, size: number): number =>
  rounded(to > from ? ((value - from) / (to - from)) * size : size / 2);

/** The points of an SVG polyline: time to the right, values upwards. */
export const linePoints = (dots: readonly Dot[], time: Range, values: Range, { width, height }: Box): string =>
  dots
    .map(({ at, value }) => `${placeOn(at, time, width)},${rounded(height - placeOn(value, values, height))}`)
    .join(' ');

/** A number as short as it can be told apart. */
export const shortNumber = (value: number): string => String(Math.round(value * 100) / 100);
