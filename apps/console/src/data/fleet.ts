import type { podHistorySchema } from '@scc/governance-api';
import type { z } from 'zod';
import type { Dot, Range } from './chart.js';

export type PodHistory = z.infer<typeof podHistorySchema>;

/** The lines of a chart of pods by SCC; the SCC with the most pods now comes first. */
export function linesOf(history: readonly PodHistory[]): {
  lines: { name: string; dots: Dot[] }[];
  time: Range;
  values: Range;
} {
  const names = [...new Set(history.flatMap(({ counts }) => counts.map(({ scc }) => scc)))];
  const lines = names.map((scc) => ({
    name: scc ?? 'unknown',
    dots: history.map(({ at, counts }) => ({
      at: Date.parse(at),
      value: counts.find((one) => one.scc === scc)?.pods ?? 0,
    })),
  }));
  const last = (dots: readonly Dot[]): number => dots.at(-1)?.value ?? 0;
  const times = history.map(({ at }) => Date.parse(at));
  return {
    lines: lines.sort((a, b) => last(b.dots) - last(a.dots) || a.name.localeCompare(b.name)),
    time: { from: times[0] ?? 0, to: times.at(-1) ?? 0 },
    values: { from: 0, to: Math.max(1, ...lines.flatMap(({ dots }) => dots.map(({ value }) => value))) },
  };
}
