import type { z } from 'zod';
import { type ScanReport, scanRowSchema } from './report.js';

/** The difference of two scans for one workload. */
export interface ScanChange {
  readonly workload: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** `was → is` for each thing that changed. */
  readonly details: readonly string[];
}

/** What a comparison looks at. */
export const comparedRowSchema = scanRowSchema.pick({
  kind: true,
  namespace: true,
  name: true,
  current: true,
  nextRestart: true,
  category: true,
  target: true,
});
export type ComparedRow = z.infer<typeof comparedRowSchema>;

const nameOf = ({ kind, namespace, name }: ComparedRow): string => `${kind} ${namespace}/${name}`;
const nextOf = ({ nextRestart }: ComparedRow): string =>
  nextRestart.refusal !== null ? 'refused' : (nextRestart.scc ?? 'not looked at');

const ASPECTS: readonly (readonly [string, (row: ComparedRow) => string])[] = [
  ['runs under', ({ current }) => current ?? 'no SCC'],
  ['next restart', nextOf],
  ['category', ({ category }) => category],
  ['can move to', ({ target }) => target ?? 'nothing stricter'],
];

/** Changes between two scans, by workload, in the order of their names. */
export const compareScans = (before: ScanReport, after: ScanReport): ScanChange[] =>
  compareRows(before.rows, after.rows);

/** The same of the rows alone. */
export function compareRows(before: readonly ComparedRow[], after: readonly ComparedRow[]): ScanChange[] {
  const [old, now] = [before, after].map((rows) => new Map(rows.map((row) => [nameOf(row), row])));
  const names = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].sort();
  return names.flatMap((workload): ScanChange[] => {
    const [was, is] = [old?.get(workload), now?.get(workload)];
    if (!was)
      return [{ workload, change: 'added', details: is ? ASPECTS.map(([what, of]) => `${what}: ${of(is)}`) : [] }];
    if (!is) return [{ workload, change: 'removed', details: [] }];
    const details = ASPECTS.flatMap(([what, of]) => (of(was) === of(is) ? [] : [`${what}: ${of(was)} → ${of(is)}`]));
    return details.length > 0 ? [{ workload, change: 'changed', details }] : [];
  });
}
