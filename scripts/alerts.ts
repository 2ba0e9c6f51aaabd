/**
 * Checks the alerts as the chart renders them by Prometheus' own promtool: their syntax, and after how long each of them
 * fires and none beside it. Builds promtool once; needs Go for that. `--report FILE` counts.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { promtoolProgram, renderChart } from '@scc/dev/chart';
import { parseAllDocuments, stringify } from 'yaml';
import { alertCases, INTERVAL } from './alert-cases.ts';

interface Rule {
  alert: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
interface RuleObject {
  kind: string;
  spec: { groups: { name: string; rules: Rule[] }[] };
}

const { values } = parseArgs({ options: { report: { type: 'string' } } });
const RUNBOOK = 'https://runbook.example/page';
const figures = { rules: 0, tests: 0, failed: 0 };

const rendered = await renderChart([
  ...['--set', 'tryout=true', '--set', 'monitoring.rules=true', '--set', `monitoring.runbookUrl=${RUNBOOK}`],
]);
const groups = parseAllDocuments(rendered)
  .map((document) => document.toJSON() as RuleObject | null)
  .flatMap((object) => (object?.kind === 'PrometheusRule' ? object.spec.groups : []));
const rules = groups.flatMap((group) => group.rules);
figures.rules = rules.length;

const folder = await mkdtemp(path.join(tmpdir(), 'scc-promtool-'));
const promtool = await promtoolProgram((line) => console.error(line));
/** What promtool says, and whether it is content. */
const ask = (...args: readonly string[]): Promise<{ content: boolean; said: string }> =>
  new Promise((resolve) => {
    execFile(promtool, args, { cwd: folder }, (error, out, err) => resolve({ content: !error, said: `${out}${err}` }));
  });
const fail = (text: string): void => {
  console.error(text);
  figures.failed += 1;
};
const without = (metric: string): { name: string; rules: Rule[] }[] =>
  groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => JSON.parse(JSON.stringify(rule).replaceAll(metric, `${metric}_gone`)) as Rule),
  }));

try {
  await writeFile(path.join(folder, 'rules.yaml'), stringify({ groups }));
  const checked = await ask('check', 'rules', '--lint=all', '--lint-fatal', 'rules.yaml');
  console.log(checked.said.trim());
  if (!checked.content) fail('promtool check rules is not content');

  const cases = alertCases(rules, RUNBOOK);
  figures.tests = cases.length;
  const written = (file: string) => ({ rule_files: [file], evaluation_interval: INTERVAL, tests: cases });
  await writeFile(path.join(folder, 'tests.yaml'), stringify(written('rules.yaml')));
  const tested = await ask('test', 'rules', 'tests.yaml');
  console.log(tested.said.trim().slice(0, 8000));
  if (!tested.content) fail('promtool test rules is not content');

  // Tests that pass without what they ask for test nothing.
  await writeFile(path.join(folder, 'wrong.yaml'), stringify({ groups: without('scc_governance_database_up') }));
  await writeFile(path.join(folder, 'wrong-tests.yaml'), stringify(written('wrong.yaml')));
  if ((await ask('test', 'rules', 'wrong-tests.yaml')).content)
    fail('promtool takes rules that ask for no known figure');
} finally {
  await rm(folder, { recursive: true, force: true });
  if (values.report !== undefined) await writeFile(values.report, JSON.stringify(figures));
}
console.log(JSON.stringify(figures));
process.exitCode = figures.failed > 0 ? 1 : 0;
