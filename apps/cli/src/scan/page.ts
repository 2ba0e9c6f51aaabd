/** The style of the page: light and dark, and down to the width of a phone. */
export const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#06c;--bar:#06c}
@media (prefers-color-scheme:dark){:root{--accent:#73bcf7;--bar:#2b9af3}}
*{box-sizing:border-box}
body{margin:0;font:15px/1.45 system-ui,sans-serif}
header,main{padding:1rem clamp(.75rem,3vw,2rem)}
main{display:grid;gap:1.25rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}
.wide{grid-column:1/-1;min-width:0}
h1{margin:0;font-size:1.5rem}h2{margin:0 0 .5rem;font-size:1.1rem}
section{border:1px solid var(--line);border-radius:.5rem;padding:1rem;min-width:0}
.bars{display:grid;gap:.35rem}
.bar{display:grid;grid-template-columns:8.5rem 1fr 3.5rem;gap:.5rem;align-items:center;background:none;border:0;padding:.1rem;font:inherit;color:inherit;text-align:left;cursor:pointer}
.bar:hover,.bar:focus-visible{background:var(--soft)}
.bar i{height:.9rem;background:var(--bar);border-radius:.2rem;min-width:2px}
.bar b{text-align:right;font-variant-numeric:tabular-nums}
.link{background:none;border:0;padding:0;font:inherit;color:var(--accent);text-decoration:underline;cursor:pointer}
#first,#urgent,#then{overflow-wrap:anywhere}#first>li{margin-bottom:.4rem}#first ul{margin:0;padding-left:1.1rem}#urgent{border-left:.25rem solid #c9190b;padding-left:.75rem;margin-bottom:.5rem}#urgent p{margin:.25rem 0}
form{display:flex;flex-wrap:wrap;gap:.75rem;align-items:end;margin-bottom:.75rem}
label{display:grid;font-size:.85rem}input,select{font:inherit;padding:.25rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
tbody tr{cursor:pointer}tbody tr:hover,tbody tr:focus-visible{background:var(--soft)}
.detail td{cursor:auto;background:var(--soft)}pre{overflow-x:auto;margin:.25rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:480px){dl{grid-template-columns:1fr}.bar{grid-template-columns:6.5rem 1fr 2.5rem}}
`;

/** The page's behaviour. Every text of a workload goes through textContent. */
export const SCRIPT = `
const data = JSON.parse(document.getElementById('data').textContent);
const at = (id) => document.getElementById(id);
const make = (tag, text, className) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};
const MEANING = data.meanings;
const workloads = (number) => number + (number === 1 ? ' workload' : ' workloads');
at('summary').textContent = workloads(data.totals.workloads) + ', held against ' + data.aim + ': ' +
  Object.entries(data.totals.byCategory).filter(([, n]) => n > 0).map(([name, n]) => n + ' ' + MEANING[name]).join(', ') + '.';

const filters = { search: at('search'), namespace: at('namespace'), category: at('category'), scc: at('scc'), restart: at('restart') };
const choose = (name, value) => { filters[name].value = value; show(); at('rows-title').scrollIntoView(); };
const bars = (id, counts, name, label) => {
  const most = Math.max(1, ...counts.map(([, n]) => n));
  for (const [key, n] of counts) {
    const bar = make('button', undefined, 'bar');
    bar.type = 'button';
    const line = make('i');
    line.style.width = (100 * n / most) + '%';
    bar.append(make('span', label(key)), line, make('b', String(n)));
    bar.addEventListener('click', () => choose(name, key));
    at(id).append(bar);
  }
};
const positive = (record) => Object.entries(record).filter(([, n]) => n > 0);
bars('categories', positive(data.totals.byCategory), 'category', (key) => key + ': ' + MEANING[key]);
bars('sccs', positive(data.totals.bySCC).sort((a, b) => b[1] - a[1]), 'scc', (key) => key);

const link = (text, go) => { const button = make('button', text, 'link'); button.type = 'button'; button.addEventListener('click', go); return button; };
for (const { restart, number, some, what } of data.urgent) {
  const item = make('p');
  item.append(make('strong', 'Before anything else: '), make('span', workloads(number) + ' ' + what + ' (' + some + '). '), link('Show them', () => choose('restart', restart)));
  at('urgent').append(item);
}
at('urgent').hidden = data.urgent.length === 0;
if (data.steps.length > 0) at('order').textContent = 'Of what a plan can move, the most privileged first, and of these what asks for the least work:';
for (const { workload, namespace, name, why, todo } of data.steps) {
  const item = make('li');
  item.append(make('strong', workload), make('span', ': ' + why + '. '), link('Show it', () => { filters.search.value = name; filters.namespace.value = namespace; show(); const line = at('rows').firstChild; if (line) line.click(); at('rows-title').scrollIntoView(); }));
  const list = make('ul');
  for (const one of todo) list.append(make('li', one));
  item.append(list);
  at('first').append(item);
}
if (data.totals.movable > 0) at('then').append(make('span', 'Then '), make('code', 'sccctl scan --plans FOLDER'), make('span', ' writes a plan for each of the ' + workloads(data.totals.movable) + ' that a plan can move; what fails is taken back.'));
if (data.steps.length === 0) at('first').append(make('li', 'Nothing can become stricter without an operator, a volume step or another design.'));

const options = (name, values) => { for (const value of [...new Set(values)].sort()) { const option = make('option', value); option.value = value; filters[name].append(option); } };
options('namespace', data.rows.map((row) => row.namespace));
options('category', data.rows.map((row) => row.category));
options('scc', data.rows.flatMap((row) => row.current ?? []));

const list = (pairs) => { const dl = make('dl'); for (const [key, value] of pairs) if (value) dl.append(make('dt', key), make('dd', value)); return dl; };
const detail = (row) => {
  const cell = make('td');
  cell.colSpan = 6;
  cell.append(list([
    ['ServiceAccount', row.serviceAccount],
    ['pods', Object.entries(row.pods).map(([scc, n]) => (scc || 'no SCC') + ' × ' + n).join(', ')],
    ['next restart', row.nextRestart.refusal ? 'refused: ' + row.nextRestart.refusal : row.nextRestart.scc],
    ['fits as it is', row.leastAsIs],
    ['may use', row.mayUse.map(({ scc, through }) => scc + ' through ' + through.join(', ')).join('; ')],
    ['Pod Security', [row.podSecurityNow, row.podSecurityThen].filter(Boolean).join(' → ')],
    ['seen of its needs', row.seen.join('; ')],
    ['owner', row.owner ? row.owner.by + ' ' + row.owner.name : ''],
    ['a plan moves it by', row.movedBy],
    ['ways in', row.ways.map((way) => way.kind + ' ' + way.name + (way.divided ? '' : ' (not divided)')).join(', ')],
    ['a plan cannot move it', row.obstacles.join('; ')],
    [data.aim + ' refuses', row.blockers.join('; ')],
  ]));
  for (const risk of row.risks) cell.append(make('p', (risk.uncertain ? 'May fail: ' : 'Will fail: ') + risk.name + (risk.containers.length ? ' (' + risk.containers.join(', ') + ')' : '') + ': ' + risk.cause + '. Check: ' + risk.check + '. Remedy: ' + risk.remedy + '.'));
  if (row.patch) cell.append(make('div', 'Patch of the template:'), make('pre', JSON.stringify(row.patch, null, 2)));
  const line = make('tr', undefined, 'detail');
  line.append(cell);
  return line;
};
const toggle = (line, row) => {
  const open = line.getAttribute('aria-expanded') === 'true';
  line.setAttribute('aria-expanded', String(!open));
  if (open) line.nextSibling.remove(); else line.after(detail(row));
};
const lineOf = (row) => {
  const line = make('tr');
  line.tabIndex = 0;
  line.setAttribute('aria-expanded', 'false');
  for (const text of [row.namespace, row.kind + '/' + row.name, row.current ?? (row.nextRestart.refusal ? 'refused' : 'no SCC'), row.target ?? '–', row.category, row.first]) line.append(make('td', text));
  line.addEventListener('click', () => toggle(line, row));
  line.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); toggle(line, row); } });
  return line;
};
const MOST = 1000;
const matches = (row) => {
  const words = filters.search.value.toLowerCase();
  const text = [row.namespace, row.kind, row.name, row.first, ...row.risks.map((risk) => risk.name)].join(' ').toLowerCase();
  return text.includes(words) && (!filters.namespace.value || row.namespace === filters.namespace.value) &&
    (!filters.category.value || row.category === filters.category.value) && (!filters.scc.value || row.current === filters.scc.value) &&
    (!filters.restart.value || row.restart === filters.restart.value);
};
function show() {
  const found = data.rows.filter(matches);
  at('rows').replaceChildren(...found.slice(0, MOST).map(lineOf));
  at('shown').textContent = found.length > MOST ? 'the first ' + MOST + ' of ' + found.length : workloads(found.length);
}
for (const filter of Object.values(filters)) filter.addEventListener('input', show);
show();
for (const { source, reason } of data.unreadable) at('unreadable').append(make('li', source + ': ' + reason));
at('unread').hidden = data.unreadable.length === 0;
const notes = [...data.assumed.map((one) => 'Assumed: ' + one + '.'), ...data.changedDefaults.map(({ scc, fields }) => 'SCC ' + scc + ' is not as OpenShift ships it: ' + fields.join(', ') + '.')];
for (const note of notes) at('notes-list').append(make('li', note));
at('notes').hidden = notes.length === 0;
`;
