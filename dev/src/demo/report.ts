import { describeDifference, type ObjectDifference } from './objects.js';
import type { ScenarioResult } from './result.js';
import type { Scenario } from './scenarios.js';

/** Tells what a migration was meant to change from what it should not have left or changed. */
export function sort(
  found: readonly ObjectDifference[],
  changes: readonly string[],
): { meant: ObjectDifference[]; differences: ObjectDifference[]; leftovers: ObjectDifference[] } {
  const isMeant = ({ object }: ObjectDifference): boolean => changes.includes(object);
  const others = found.filter((difference) => !isMeant(difference));
  return {
    meant: found.filter(isMeant),
    differences: others.filter(({ kind }) => kind !== 'added'),
    leftovers: others.filter(({ kind }) => kind === 'added'),
  };
}

/** A played scenario: what is written as data, and what only people want to know. */
export interface Played {
  scenario: Pick<Scenario, 'id' | 'title' | 'outcome'>;
  result: ScenarioResult;
  p50DuringMs: number | null;
  /** Differences that were not meant. */
  unexpected: string[];
  /** Faults in playing it, such as a phase that never came. */
  mishaps: string[];
}

/** Why a scenario did not go as it must; empty when it did. */
export function problemsOf({ scenario, result, unexpected, mishaps }: Omit<Played, 'p50DuringMs'>): string[] {
  return [
    ...(result.outcome === scenario.outcome ? [] : [`ended in ${result.outcome} instead of ${scenario.outcome}`]),
    ...(result.requests > 0 ? [] : ['no request was sent']),
    ...(result.failed > 0 ? [`${result.failed} of ${result.requests} requests failed`] : []),
    ...(result.writes.lost > 0
      ? [`${result.writes.lost} of ${result.writes.acknowledged} acknowledged writes were lost`]
      : []),
    ...result.damaged.map((file) => `data was changed: ${file}`),
    ...unexpected.map((difference) => `differs: ${difference}`),
    ...result.leftovers.map((leftover) => `left behind: ${leftover}`),
    ...mishaps,
  ];
}

export const describeAll = (differences: readonly ObjectDifference[]): string[] => differences.map(describeDifference);

const pair = (before: number | null, during: number | null): string => {
  const text = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  return `${text(before)} / ${text(during)} ms`;
};

type Row = [name: string, cells: string[]];

function rows(all: readonly Played[]): Row[] {
  const row = (name: string, cell: (played: Played) => string): Row => [name, all.map(cell)];
  const phases = [...new Set(all.flatMap(({ result }) => Object.keys(result.secondsByPhase)))];
  return [
    row('scenario', ({ scenario }) => String(scenario.id)),
    row('outcome', ({ result }) => result.outcome),
    row('requests', ({ result }) => String(result.requests)),
    row('failed', ({ result }) => String(result.failed)),
    row('writes kept', ({ result: { writes } }) => `${writes.acknowledged - writes.lost} of ${writes.acknowledged}`),
    row('p50 before / during', ({ result, p50DuringMs }) => pair(result.p50BeforeMs, p50DuringMs)),
    row('p99 before / during', ({ result }) => pair(result.p99BeforeMs, result.p99DuringMs)),
    row('seconds', ({ result }) => result.seconds.toFixed(1)),
    ...phases.map((phase) => row(`  ${phase}`, ({ result }) => result.secondsByPhase[phase]?.toFixed(1) ?? '')),
    row('pods', ({ result }) =>
      Object.entries(result.podsBySCC)
        .map(([scc, count]) => `${count} ${scc}`)
        .join(', '),
    ),
    row('changed for good', ({ result, unexpected }) => {
      const meant = result.differences.length - unexpected.length;
      return meant ? String(meant) : '';
    }),
    row('differs', ({ unexpected }) => (unexpected.length ? String(unexpected.length) : 'nothing')),
    row('data changed', ({ result }) => (result.damaged.length ? String(result.damaged.length) : 'nothing')),
    row('left behind', ({ result }) => (result.leftovers.length ? String(result.leftovers.length) : 'nothing')),
    row('as it must be', (played) => (problemsOf(played).length ? 'NO' : 'yes')),
  ];
}

/** The final table: a column for each scenario. */
export function resultsTable(all: readonly Played[]): string {
  const lines = rows(all);
  const nameWidth = Math.max(...lines.map(([name]) => name.length));
  const widths = all.map((_played, index) => Math.max(...lines.map(([, cells]) => cells[index]?.length ?? 0)));
  return lines
    .map(([name, cells]) => {
      const padded = cells.map((cell, index) => cell.padStart(widths[index] ?? 0));
      return `${name.padEnd(nameWidth)}  ${padded.join('  ')}`.trimEnd();
    })
    .join('\n');
}
