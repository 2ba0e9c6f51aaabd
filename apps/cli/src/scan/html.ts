import { strategyWords } from '@scc/plan';
import {
  CATEGORIES,
  firstObstacle,
  firstSteps,
  isCaptured,
  categoryWords,
  evidenceSentence,
  type ScanReport,
  type ScanRow,
} from '@scc/scc/scan';
import { SCRIPT, STYLE } from './page.js';

/** JSON that no text of a workload can end or escape from. */
const embedded = (value: unknown): string =>
  JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');

/** The page names so many workloads to begin with. */
const FIRST = 5;
/** A sentence names so many things. */
const NAMED = 3;

/** The effects of the next restart on a workload that are more than a restart. */
const restartOf = (row: ScanRow): 'captured' | 'refused' | '' => {
  if (isCaptured(row)) return 'captured';
  return row.nextRestart.refusal !== null && row.category !== 'Exempt' ? 'refused' : '';
};

const workloadIn = ({ kind, namespace, name }: ScanRow): string => `${kind} ${namespace}/${name}`;

/** What the next restart does to workloads that run now: it may come at any time, so it comes before everything. */
function urgentOf(rows: readonly ScanRow[]): { restart: string; number: number; some: string; what: string }[] {
  const effects = [
    ['refused', 'would not start again: SCC admission refuses their next pods'],
    ['captured', 'would start under another SCC than they run under'],
  ] as const;
  return effects.flatMap(([restart, what]) => {
    const hit = rows.filter((row) => restartOf(row) === restart);
    const some = hit.slice(0, NAMED).map(workloadIn).join(', ');
    const more = hit.length > NAMED ? ` and ${hit.length - NAMED} more` : '';
    return hit.length > 0 ? [{ restart, number: hit.length, some: `${some}${more}`, what }] : [];
  });
}

/** A step in the words of who takes it: what to change, and what to look at before. */
function todoOf({ edits, risks }: ScanRow): string[] {
  const changes = edits.slice(0, NAMED).map(({ field, change, to }) => {
    return change === 'remove' ? `remove ${field}` : `set ${field} to ${JSON.stringify(to)}`;
  });
  const left = edits.length > NAMED ? [`and ${edits.length - NAMED} more`] : [];
  const [first, ...others] = risks;
  const further = others.length > 0 ? `, and ${others.length} more in its row` : '';
  return [
    ...(changes.length > 0 ? [`Change: ${[...changes, ...left].join(', ')}.`] : []),
    ...(first ? [`Check before: ${first.check}, because ${first.cause}${further}.`] : []),
  ];
}

/** One page that needs nothing beside itself: totals, charts, filters, and a row for each workload. */
export function htmlOf(report: ScanReport): string {
  const data = {
    ...report,
    meanings: Object.fromEntries(CATEGORIES.map((category) => [category, categoryWords(category, report.aim)])),
    urgent: urgentOf(report.rows),
    steps: firstSteps(report.rows, FIRST).map(({ row, why }) => ({
      workload: workloadIn(row),
      namespace: row.namespace,
      name: row.name,
      why,
      todo: todoOf(row),
    })),
    rows: report.rows.map((row) => ({
      ...row,
      first: firstObstacle(row),
      restart: restartOf(row),
      seen: row.evidence.map(evidenceSentence),
      movedBy: row.strategy === null ? '' : strategyWords(row.strategy),
    })),
  };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<title>SCC scan</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>SCC scan</h1><p id="summary"></p>
<p>An SCC says what the pods of a workload may do on their node. The less it permits, the less a break-in reaches: this page says which workloads can do with less, in which order to begin, and what stands in the way.</p></header>
<main>
<section aria-labelledby="first-title" class="wide"><h2 id="first-title">Where to start</h2><div id="urgent" hidden></div><p id="order"></p><ol id="first"></ol><p id="then"></p></section>
<section aria-labelledby="how-title"><h2 id="how-title">What can be done</h2><div id="categories" class="bars"></div></section>
<section aria-labelledby="scc-title"><h2 id="scc-title">What runs under what</h2><div id="sccs" class="bars"></div></section>
<section aria-labelledby="rows-title" class="wide"><h2 id="rows-title">Workloads</h2>
<form id="filters" onsubmit="return false">
<label>Search <input id="search" type="search" placeholder="name, namespace, risk"></label>
<label>Namespace <select id="namespace"><option value="">all</option></select></label>
<label>How <select id="category"><option value="">all</option></select></label>
<label>Runs under <select id="scc"><option value="">all</option></select></label>
<label>At its next restart <select id="restart"><option value="">all</option><option value="captured">under another SCC</option><option value="refused">refused</option></select></label>
<output id="shown"></output>
</form>
<p>Select a row for its patch, what to check, and what remedies there are.</p>
<div class="scroll"><table><thead><tr><th>Namespace</th><th>Workload</th><th>Runs under</th><th>Could run under</th><th>How</th><th>First obstacle</th></tr></thead><tbody id="rows"></tbody></table></div>
</section>
<section id="unread" class="wide" aria-labelledby="unread-title" hidden><h2 id="unread-title">Could not be read</h2><ul id="unreadable"></ul></section>
<section id="notes" class="wide" aria-labelledby="notes-title" hidden><h2 id="notes-title">Notes</h2><ul id="notes-list"></ul></section>
</main>
<script id="data" type="application/json">${embedded(data)}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
