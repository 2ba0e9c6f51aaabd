import { evidenceSentence, isCaptured, type ScanReport, type ScanRow } from '@scc/scc/scan';

const COLUMNS: readonly (readonly [string, (row: ScanRow) => string])[] = [
  ['namespace', ({ namespace }) => namespace],
  ['kind', ({ kind }) => kind],
  ['name', ({ name }) => name],
  ['replicas', ({ replicas }) => String(replicas ?? '')],
  ['service_account', ({ serviceAccount }) => serviceAccount],
  ['category', ({ category }) => category],
  ['current_scc', ({ current }) => current ?? ''],
  ['next_restart_scc', ({ nextRestart }) => nextRestart.scc ?? ''],
  ['refusal', ({ nextRestart }) => nextRestart.refusal ?? ''],
  ['least_scc_as_is', ({ leastAsIs }) => leastAsIs ?? ''],
  ['target_scc', ({ target }) => target ?? ''],
  ['edits', ({ edits }) => edits.map(({ field }) => field).join('; ')],
  ['risks', ({ risks }) => risks.map(({ name, uncertain }) => (uncertain ? `${name}?` : name)).join('; ')],
  ['blockers', ({ blockers }) => blockers.join('; ')],
  ['owner', ({ owner }) => (owner ? `${owner.by}: ${owner.name}` : '')],
  ['obstacles', ({ obstacles }) => obstacles.join('; ')],
  ['pod_security_now', ({ podSecurityNow }) => podSecurityNow ?? ''],
  ['pod_security_then', ({ podSecurityThen }) => podSecurityThen ?? ''],
  ['evidence', ({ evidence }) => evidence.map(evidenceSentence).join('; ')],
  ['strategy', ({ strategy }) => strategy ?? ''],
  ['captured_at_next_restart', (row) => (isCaptured(row) ? 'yes' : 'no')],
  [
    'ways',
    ({ ways }) => ways.map(({ kind, name, divided }) => `${kind} ${name}${divided ? '' : ' (not divided)'}`).join('; '),
  ],
  ['may_use', ({ mayUse }) => mayUse.map(({ scc }) => scc).join('; ')],
];

/** A cell by RFC 4180; a text that a spreadsheet would take for a formula starts with an apostrophe. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The rows of a scan as CSV with a header. */
export const csvOf = ({ rows }: ScanReport): string =>
  [COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))]
    .map((cells) => `${cells.map(cell).join(',')}\r\n`)
    .join('');
