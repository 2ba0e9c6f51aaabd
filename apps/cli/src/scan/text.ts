import { firstObstacle, type ScanChange, type ScanReport, type ScanRow } from '@scc/scc/scan';
import { count, table } from '../output.js';

const MAX_WAY_CHARACTERS = 100;

/** The meaning of each category, as one line of the totals. */
const TOTALS = [
  ['Strict', 'run under it already, or under a stricter one'],
  ['AsIs', 'can as they are'],
  ['Patch', 'can with a patch of their template'],
  ['Volume', 'can once the data on their volumes belongs to the new user id'],
  ['Never', 'cannot, whatever is changed in their security settings'],
  ['Operator', 'belong to operators, which write their templates'],
  ['Exempt', 'are in namespaces that SCC admission does not look at'],
] as const;

/** The totals in sentences. */
export function totalsText({ totals, aim, changedDefaults, unreadable }: ScanReport): string {
  const lines = [`${count(totals.workloads, 'workload')}, held against ${aim}:`];
  for (const [category, what] of TOTALS) {
    const number = totals.byCategory[category];
    if (number > 0) lines.push(`  ${String(number).padStart(6)}  ${what}`);
  }
  const stricter = totals.byCategory.AsIs + totals.byCategory.Patch;
  if (stricter > 0)
    lines.push(
      `A plan can move ${totals.movable} of the ${count(stricter, 'workload')} that can as they are or with a patch; of the others the rows say why not.`,
    );
  if (totals.capturedAtNextRestart > 0)
    lines.push(`${count(totals.capturedAtNextRestart, 'workload')} would come under another SCC at the next restart.`);
  if (totals.refusedAtNextRestart > 0)
    lines.push(`${count(totals.refusedAtNextRestart, 'workload')} would be refused at the next restart.`);
  for (const { scc, fields } of changedDefaults)
    lines.push(`SCC ${scc} is not as OpenShift ships it: ${fields.join(', ')}.`);
  if (unreadable.length > 0) lines.push(`${count(unreadable.length, 'thing')} could not be read, see below.`);
  return lines.join('\n');
}

const short = (text: string): string =>
  text.length > MAX_WAY_CHARACTERS ? `${text.slice(0, MAX_WAY_CHARACTERS - 1)}…` : text;

const running = ({ pods, current, nextRestart }: ScanRow): string => {
  const seen = Object.entries(pods).map(([scc, number]) => `${scc === '' ? 'no SCC' : scc} × ${number}`);
  if (seen.length > 0) return seen.join(', ');
  return current === null ? (nextRestart.refusal === null ? 'no SCC' : 'refused') : `${current} (next)`;
};

/** A line for each workload. */
export const workloadsText = (rows: readonly ScanRow[]): string =>
  table(
    ['namespace', 'workload', 'runs under', 'could run under', 'how', 'first obstacle'],
    rows.map((row) => [
      row.namespace,
      `${row.kind}/${row.name}`,
      running(row),
      row.target ?? '-',
      row.category,
      firstObstacle(row),
    ]),
  );

/** A scan for people: totals, a row for each workload, and what could not be read. */
export function scanText(report: ScanReport): string {
  const parts = [totalsText(report)];
  if (report.rows.length > 0) parts.push(workloadsText(report.rows));
  if (report.unreadable.length > 0)
    parts.push(
      table(
        ['could not be read', 'reason'],
        report.unreadable.map(({ source, reason }) => [source, short(reason)]),
      ),
    );
  return parts.join('\n\n');
}

/** Changes, a line for each workload. */
export function changesText(changes: readonly ScanChange[]): string {
  if (changes.length === 0) return 'Nothing changed.';
  return table(
    ['workload', 'change', 'details'],
    changes.map(({ workload, change, details }) => [workload, change, details.join('; ')]),
  );
}
