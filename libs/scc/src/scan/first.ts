import type { ScanRow } from './report.js';

/** The parts of a row that decide whether it comes first. */
export type StartRow = Pick<
  ScanRow,
  'kind' | 'namespace' | 'name' | 'category' | 'current' | 'target' | 'owner' | 'podSecurityNow' | 'obstacles'
> & {
  edits: readonly unknown[];
  risks: readonly Pick<ScanRow['risks'][number], 'uncertain'>[];
};

/** A workload to begin with, and why. */
export interface FirstStep<Row extends StartRow = StartRow> {
  row: Row;
  why: string;
}

const RANK = { privileged: 0, baseline: 1, restricted: 2 } as const;

const things = (number: number, one: string, more = `${one}s`): string => `${number} ${number === 1 ? one : more}`;

/** What decides, the weightiest first; the smaller number comes first. */
const weightsOf = ({ podSecurityNow, obstacles, risks, edits }: StartRow): number[] => [
  obstacles.length === 0 ? 0 : 1,
  podSecurityNow === null ? 1 : RANK[podSecurityNow],
  risks.filter(({ uncertain }) => !uncertain).length,
  obstacles.length,
  risks.length,
  edits.length,
];

function compareWeights(a: readonly number[], b: readonly number[]): number {
  for (const [at, weight] of a.entries()) {
    const other = b[at] ?? weight;
    if (weight !== other) return weight - other;
  }
  return 0;
}

function obstacleOf({ risks, obstacles }: StartRow): string {
  const sure = risks.filter(({ uncertain }) => !uncertain).length;
  if (obstacles.length > 0) return `a plan cannot move it yet: ${obstacles[0] ?? ''}`;
  if (sure > 0) return `${things(sure, 'thing')} will need work`;
  if (risks.length > 0) return `${things(risks.length, 'thing')} to check first`;
  return 'nothing is in the way';
}

const reasonOf = (row: StartRow): string =>
  `${row.current === null ? 'it is refused now' : `it runs under ${row.current}`}, and ${row.target ?? ''} admits it ${
    row.edits.length === 0 ? 'as it is' : `after ${things(row.edits.length, 'edit')}`
  }; ${obstacleOf(row)}`;

/**
 * The workloads to begin with: those that a plan can move before the others, then the most privileged, and of these the
 * ones that ask for the least work. Workloads that a tool writes are left to that tool.
 */
export const firstSteps = <Row extends StartRow>(rows: readonly Row[], most: number): FirstStep<Row>[] =>
  rows
    .filter(({ category, owner, target }) => ['AsIs', 'Patch'].includes(category) && owner === null && target !== null)
    .map((row) => ({ row, weights: weightsOf(row) }))
    .sort((a, b) => compareWeights(a.weights, b.weights))
    .slice(0, most)
    .map(({ row }) => ({ row, why: reasonOf(row) }));
