import { strategyWords } from '@scc/plan/words';
import type { KeptScan, KeptScanDetail, ScanRow } from '@scc/scc/scan';
import { evidenceSentence, isMovable, planForRow } from '@scc/scc/words';
import { stringify } from 'yaml';

export type { KeptScan, KeptScanDetail, ScanRow };

/** A workload that a scan says to begin with. */
export interface FirstWorkload {
  workload: ScanRow;
  why: string;
}

/** The counts that are not zero, the largest first. */
export const countsIn = <Key extends string>(counts: Readonly<Record<Key, number>>): [Key, number][] =>
  (Object.entries(counts) as [Key, number][]).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);

export const workloadName = ({ kind, namespace, name }: Pick<ScanRow, 'kind' | 'namespace' | 'name'>): string =>
  `${kind} ${namespace}/${name}`;

/** The text of a plan that moves the workload; null where no plan can. */
export const planText = (row: ScanRow, dryRun: boolean): string | null =>
  isMovable(row) ? stringify(planForRow(row, { dryRun })) : null;

const podsOf = ({ pods }: ScanRow): string =>
  Object.entries(pods)
    .map(([scc, count]) => `${scc === '' ? 'no SCC' : scc} × ${count}`)
    .join(', ');

/** What a scan knows of a workload beside its row, as pairs of a title and a text; what is empty is left out. */
export function rowFacts(row: ScanRow, aim: string): (readonly [string, string])[] {
  const { nextRestart, strategy, owner } = row;
  const facts: (readonly [string, string])[] = [
    ['ServiceAccount', row.serviceAccount],
    ['Pods now', podsOf(row)],
    ['At its next restart', nextRestart.refusal === null ? (nextRestart.scc ?? '') : `refused: ${nextRestart.refusal}`],
    ['Least SCC that admits it as it is', row.leastAsIs ?? ''],
    ['May use', row.mayUse.map(({ scc, through }) => `${scc} through ${through.join(', ')}`).join('; ')],
    ['Pod Security', [row.podSecurityNow, row.podSecurityThen].filter((level) => level !== null).join(' → ')],
    ['Seen of its needs', row.evidence.map(evidenceSentence).join('; ')],
    ['Written by', owner === null ? '' : `${owner.by} ${owner.name}`],
    ['A plan moves it by', strategy === null ? '' : strategyWords(strategy)],
    [
      'Ways in',
      row.ways.map(({ kind, name, divided }) => `${kind} ${name}${divided ? '' : ' (not divided)'}`).join(', '),
    ],
    ['A plan cannot move it', row.obstacles.join('; ')],
    [`${aim} refuses`, row.blockers.join('; ')],
  ];
  return facts.filter(([, text]) => text !== '');
}
