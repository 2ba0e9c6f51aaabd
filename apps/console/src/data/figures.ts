import type { Dot, Range } from './chart.js';
import type { ApprovalView, ListedEvent, ShownMigration } from './types.js';

export type MetricOfPlan = ApprovalView['gates']['metrics'][number];
type Sample = ShownMigration['gates'][number];
type Sides = NonNullable<Sample['sides']>;
type Figure = keyof Sides['canary'];

/** The figures of both sides that are drawn, the most that each can be, and the preset of a gate that judges the same. */
export const FIGURES = [
  { figure: 'perSecond', title: 'Requests per second', most: Infinity, preset: null },
  { figure: 'successRate', title: 'Success in percent', most: 100, preset: 'request-success-rate' },
  { figure: 'p99Ms', title: 'p99 in milliseconds', most: Infinity, preset: 'request-duration-p99' },
] as const satisfies { figure: Figure; title: string; most: number; preset: string | null }[];

const SIDES = [
  ['canary', 'canary'],
  ['stable', 'workload'],
] as const;

const ROOM = 0.02;

/** A figure of both sides over time: a line each, without the moments at which it was not known. */
export const linesOfSides = (gates: readonly Sample[], figure: Figure): { name: string; dots: Dot[] }[] =>
  SIDES.map(([side, name]) => ({
    name,
    dots: gates.flatMap(({ sides, at }) => {
      const value = sides?.[side][figure] ?? null;
      return value === null ? [] : [{ at: Date.parse(at), value }];
    }),
  }));

/** The bounds of a gate as lines across a chart. */
export const boundsOf = ({ name, min, max }: MetricOfPlan): { text: string; value: number }[] => [
  ...(min === undefined ? [] : [{ text: `${name}: at least ${min}`, value: min }]),
  ...(max === undefined ? [] : [{ text: `${name}: at most ${max}`, value: max }]),
];

/** The bounds that gates with a preset set to a figure itself; those of a comparison are none of them. */
export const boundsOfPreset = (metrics: readonly MetricOfPlan[], preset: string | null) =>
  metrics.filter((metric) => metric.preset === preset && metric.relativeTo === undefined).flatMap(boundsOf);

/** The gates whose samples need a chart of their own: all but those that a chart of both sides shows. */
export function ownCharts(gates: readonly Sample[], metrics: readonly MetricOfPlan[]): string[] {
  const hasSides = gates.some(({ sides }) => sides !== null);
  const isShown = (name: string): boolean =>
    hasSides &&
    metrics.some((metric) => metric.name === name && metric.preset !== undefined && metric.relativeTo === undefined);
  const named = new Set(gates.flatMap(({ gate, value }) => (value === null ? [] : [gate])));
  return [...named].filter((name) => !isShown(name));
}

interface Share {
  canary: number;
  at: string;
}

const TAKES_BACK = new Set(['TrafficReturned', 'UndoFinished']);

/** The share of the canary over time, with the ends of it, which are no steps of the plan. */
export const sharesOf = (weights: readonly Share[], events: readonly Pick<ListedEvent, 'event' | 'at'>[]): Share[] =>
  weights.length === 0
    ? []
    : [
        ...weights,
        ...events.flatMap(({ event, at }) => (TAKES_BACK.has(String(event['type'])) ? [{ canary: 0, at }] : [])),
      ].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));

type Timed = Pick<ShownMigration, 'weights' | 'startedAt' | 'finishedAt' | 'updatedAt'> & {
  gates: readonly Pick<Sample, 'at'>[];
};

/**
 * The time that the charts of a migration show: from its first weight, since a wait for approval may have been long,
 * until its requests were back, since the workload may be watched for long after.
 */
export function timeOf(
  { weights, gates, startedAt, finishedAt, updatedAt }: Timed,
  events: Parameters<typeof sharesOf>[1],
): Range {
  const back = sharesOf(weights, events).findLast(({ canary }) => canary === 0)?.at;
  const isBack = back !== undefined && Date.parse(back) >= Date.parse(weights.at(-1)?.at ?? back);
  const ends = isBack ? [back, ...gates.map(({ at }) => at)] : [finishedAt ?? updatedAt];
  const [from, to] = [Date.parse(weights[0]?.at ?? startedAt), Math.max(...ends.map((end) => Date.parse(end)))];
  return { from: from - ROOM * (to - from), to: to + ROOM * (to - from) };
}
