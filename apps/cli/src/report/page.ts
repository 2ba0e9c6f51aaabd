import type { ReportSection } from '@scc/audit';
import type { ReportFile } from './file.js';
import { rowsOfSection, SECTIONS, sectionsOf } from './sections.js';

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{margin:0 auto;max-width:90rem;padding:1rem;font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem}
section{border:1px solid var(--line);border-radius:.5rem;padding:0 1rem 1rem;margin:0 0 1rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere;min-width:6rem}
th{background:var(--soft)}dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}dd{margin:0;overflow-wrap:anywhere}
`;

const CODES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Text of the log that steers nothing on the page. */
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (one) => CODES[one] ?? '');

const tableOf = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="scroll"><table><thead><tr>${header.map((title) => `<th>${escaped(title)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody></table></div>`;

function sectionOf(file: ReportFile, section: ReportSection): string {
  const { title, none, columns } = SECTIONS[section];
  const rows = rowsOfSection(file, section);
  const shown =
    rows.length === 0
      ? `<p>${none}</p>`
      : tableOf(
          columns.map(([name]) => name),
          rows,
        );
  const about = file.controls?.controls.filter(({ sections }) => sections.includes(section)) ?? [];
  const controls = about.length === 0 ? '' : `<p>Controls: ${escaped(about.map(({ id }) => id).join(', '))}</p>`;
  return `<section><h2>${escaped(title)} (${rows.length})</h2>${controls}
${shown}
</section>`;
}

function controlsOf({ controls }: ReportFile): string {
  if (!controls) return '';
  const rows = controls.controls.map(({ id, text, sections }) => [
    ...[id, text, sections.map((section) => SECTIONS[section].title).join(', ')],
  ]);
  return `<section><h2>${escaped(controls.name)}</h2>
<p>Which sections speak about which controls. That a control is named here does not mean that it is met.</p>
${tableOf(['Control', 'What to look for', 'Sections'], rows)}
</section>`;
}

const OPEN = '<script id="report" type="application/json">';
const CLOSE = '</script>';

/** JSON that no text of the log can end or escape from. */
const embedded = (value: unknown): string =>
  JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');

/** One page that needs nothing beside itself. The same report gives the same bytes, so that each of them counts. */
export function reportPageOf(file: ReportFile): string {
  const { period, namespaces, generatedAt, audit } = file.document;
  const facts: [string, string][] = [
    ['Period', `${period.from} to ${period.to}, the end is not in it`],
    ['Namespaces', namespaces === null ? 'all' : namespaces.join(', ')],
    ['Made', generatedAt],
    ['Checkpoint of the log', audit.checkpoint ?? 'none'],
    ['Audit entries inside', String(audit.entries.length)],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>SCC report</title>
<style>${STYLE}</style>
</head>
<body>
<h1>SCC report</h1>
<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>
<p>A page proves nothing by itself. Check this file with: sccctl report verify FILE --key KEY</p>
${sectionsOf(file)
  .map((section) => sectionOf(file, section))
  .join('\n')}
${controlsOf(file)}
${OPEN}${embedded(file)}${CLOSE}
</body>
</html>
`;
}

/** The report inside a page as it was embedded; null for another text. */
export function embeddedIn(page: string): string | null {
  const start = page.indexOf(OPEN);
  const end = page.indexOf(CLOSE, start);
  return start < 0 || end < 0 ? null : page.slice(start + OPEN.length, end);
}
