import type { Window } from '../schema.js';
import { occurrences, type Recurring, type Span } from './occurrences.js';

export interface NamedRecurring extends Recurring {
  name: string;
}

export interface Calendar {
  freezes: NamedRecurring[];
  /** Each list on its own must have a window open; an empty list asks for none. */
  windows: Recurring[][];
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Looked at in growing stretches, because the next opening is nearly always near. */
const HORIZONS_DAYS = [15, 100, 400];

/**
 * The earliest time at which a migration of the given length can run from beginning to end: inside of windows and clear
 * of freezes. Null when there is none within 400 days. All times in milliseconds since the epoch.
 */
export function nextOpening(calendar: Calendar, fromMs: number, durationMs: number): number | null {
  for (const days of HORIZONS_DAYS) {
    const within = { from: fromMs, to: fromMs + days * DAY_MS };
    const fitting = openSpans(calendar, within).find(({ from, to }) => to - from >= Math.max(durationMs, 1));
    if (fitting) return fitting.from;
  }
  return null;
}

/** Whether one of the windows is open at a time, and until when that stays so; null: longer than is looked at. */
export function windowAt(windows: readonly Recurring[], atMs: number): { isOpen: boolean; untilMs: number | null } {
  for (const days of HORIZONS_DAYS) {
    const within = { from: atMs, to: atMs + days * DAY_MS };
    const [first] = openSpans({ freezes: [], windows: [[...windows]] }, within);
    if (!first) continue;
    return first.from > atMs ? { isOpen: false, untilMs: first.from } : { isOpen: true, untilMs: first.to };
  }
  return { isOpen: false, untilMs: null };
}

/** The freeze that holds at a time, and when it and those that follow without a gap are over. */
export function freezeAt({ freezes }: Calendar, atMs: number): { name: string; untilMs: number } | null {
  const within = { from: atMs, to: atMs + 400 * DAY_MS };
  const held = freezes.map((freeze) => ({ name: freeze.name, spans: merge(occurrences(freeze, within, 'longer')) }));
  const active = held.find(({ spans }) => spans.some(({ from }) => from <= atMs));
  if (!active) return null;
  const all = merge(held.flatMap(({ spans }) => spans));
  const untilMs = all.find(({ from }) => from <= atMs)?.to ?? within.to;
  return { name: active.name, untilMs };
}

function openSpans({ freezes, windows }: Calendar, within: Span): Span[] {
  const allowed = windows
    .filter((list) => list.length > 0)
    .map((list) => merge(list.flatMap((window) => occurrences(window, within, 'shorter'))))
    .reduce(intersect, [within]);
  const frozen = merge(freezes.flatMap((freeze) => occurrences(freeze, within, 'longer')));
  return subtract(intersect(allowed, [within]), frozen);
}

/** Joins spans that touch. */
function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else merged.push({ ...span });
  }
  return merged;
}

function intersect(a: readonly Span[], b: readonly Span[]): Span[] {
  return a.flatMap((one) =>
    b
      .map((other) => ({ from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) }))
      .filter(({ from, to }) => from < to),
  );
}

function subtract(spans: readonly Span[], holes: readonly Span[]): Span[] {
  return holes.reduce<Span[]>(
    (left, hole) =>
      left.flatMap(({ from, to }) => {
        if (hole.to <= from || hole.from >= to) return [{ from, to }];
        return [
          ...(hole.from > from ? [{ from, to: hole.from }] : []),
          ...(hole.to < to ? [{ from: hole.to, to }] : []),
        ];
      }),
    [...spans],
  );
}

/** The windows of a plan or campaign, each of some days of the week. */
export const weeklyWindows = (windows: readonly Window[]): Recurring[] =>
  windows.map(({ timeZone, ...range }) => ({ timeZone, recurrence: { type: 'weekly', ranges: [range] } }));
