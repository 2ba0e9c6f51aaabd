/**
 * The tier for hours: full matrices, properties and fuzzing in bulk, load by the hundred thousand. A run that is
 * interrupted goes on with the round that it was at, as long as the commit is the same; what ran is kept in .verify/.
 * A part that has run at an earlier commit stays in the table with that commit until it runs again. Prints the table;
 * `--write` puts it into docs/VERIFY.md with the rounds that are still to run, and its figures into docs/verify.json,
 * where a run elsewhere begins.
 *
 *   npm run verify -- [--only PART]... [--rounds N] [--corpus FILE] [--fresh] [--write] [--list]
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { root } from './packages.ts';
import { run } from './parts.ts';
import { type Figures, VERIFY_FOLDER, type VerifyPart, verifyParts } from './verify-parts.ts';

interface Done {
  part: string;
  round: number;
  commit: string;
  /** When it ended, UTC. */
  day: string;
  ok: boolean;
  seconds: number;
  figures: Figures;
}

interface State {
  /** In the order in which they ran. */
  done: Done[];
}

const STATE = path.join(VERIFY_FOLDER, 'state.json');
const PAGE = path.join(root, 'docs', 'VERIFY.md');
/** The figures behind the page. */
const WRITTEN = path.join(root, 'docs', 'verify.json');

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    corpus: { type: 'string' },
    fresh: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const commitNow = (): string =>
  execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12', '--match='], {
    cwd: root,
    encoding: 'utf8',
  }).trim();

/** The rounds that ran before: here, or else as they were written down. */
async function earlier(): Promise<State> {
  if (options.fresh) await rm(VERIFY_FOLDER, { recursive: true, force: true });
  const text = await readFile(STATE, 'utf8').catch(() => readFile(WRITTEN, 'utf8'));
  return JSON.parse(text) as State;
}

/** The rounds of a part at the commit at which it ran last. */
function latestOf({ done }: State, part: VerifyPart): Done[] {
  const own = done.filter((one) => one.part === part.name);
  return own.filter(({ commit }) => commit === own.at(-1)?.commit);
}

async function runRound(part: VerifyPart, number: number, commit: string): Promise<Done> {
  const name = `${part.name}-${number}`;
  const { command, figures } = part.round(number, path.join(VERIFY_FOLDER, `${name}.report`));
  const startedMs = Date.now();
  const succeeded = await run({ ...command, name, logFile: path.join(VERIFY_FOLDER, `${name}.log`) });
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  const counted = await figures();
  const ok = succeeded && (counted['failed'] ?? 0) === 0;
  const day = new Date().toISOString().slice(0, 10);
  return { part: part.name, round: number, commit, day, ok, seconds, figures: counted };
}

const isDone = ({ done }: State, part: VerifyPart, round: number, at: string): boolean =>
  done.some((one) => one.part === part.name && one.round === round && one.commit === at);

async function runAll(parts: readonly VerifyPart[], state: State, commit: string): Promise<void> {
  await mkdir(VERIFY_FOLDER, { recursive: true });
  for (const part of parts)
    for (let round = 1; round <= part.rounds; round++) {
      if (isDone(state, part, round, commit)) continue;
      state.done.push(await runRound(part, round, commit));
      await writeFile(STATE, `${JSON.stringify(state, null, 2)}\n`);
    }
}

const sumOf = (figures: readonly Figures[]): string => {
  const total: Figures = {};
  for (const one of figures) for (const [name, value] of Object.entries(one)) total[name] = (total[name] ?? 0) + value;
  return Object.entries(total)
    .map(([name, value]) => `${value.toLocaleString('en-US')} ${name}`)
    .join(', ');
};

/** A Markdown table: a line for each part. */
function table(parts: readonly VerifyPart[], state: State): string {
  const rows = parts.map((part) => {
    const done = latestOf(state, part);
    const last = done.at(-1);
    const good = done.filter(({ ok }) => ok).length;
    const minutes = done.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
    return [
      part.name,
      part.what,
      `${good} of ${part.rounds} rounds${good < done.length ? `, ${done.length - good} failed` : ''}`,
      sumOf(done.map(({ figures }) => figures)),
      minutes.toFixed(1),
      last === undefined ? '' : `${last.commit} of ${last.day}`,
    ];
  });
  const lines = [
    ['part', 'what', 'passed', 'in all', 'minutes', 'commit'],
    ['---', '---', '---', '---', '---:', '---'],
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const isComplete = (parts: readonly VerifyPart[], state: State): boolean =>
  parts.every((part) => latestOf(state, part).filter(({ ok }) => ok).length >= part.rounds);

const page = (parts: readonly VerifyPart[], state: State): string => `# Verified in bulk

\`npm run verify\` does for hours what the gate (\`npm test\`) does once: it draws more cases, kills more parts and sends
more requests. This page is what it printed last; the commit that a part ran at stands in its row. ${
  isComplete(parts, state) ? 'Every round ran and passed.' : 'The run is not complete: rounds below are still to run.'
}

${os.availableParallelism()} cores, Node ${process.versions.node}.

${table(parts, state)}
`;

const all = verifyParts(options.corpus === undefined ? undefined : path.resolve(options.corpus));
const unknown = options.only.filter((name) => !all.some((part) => part.name === name));
if (options.list || unknown.length > 0) {
  for (const { name, what, rounds } of all) console.log(`${name.padEnd(10)} ${String(rounds).padStart(3)} ×  ${what}`);
  if (unknown.length > 0) console.error(`--only: there is no part ${unknown.join(', ')}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
const parts = all
  .filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  .map((part) => ({ ...part, rounds: options.rounds === undefined ? part.rounds : Number(options.rounds) }));
const state = await earlier();
await runAll(parts, state, commitNow());
console.log(`\n${table(parts, state)}`);
if (options.write) {
  const style = await resolveConfig(PAGE);
  await writeFile(PAGE, await format(page(all, state), { ...style, parser: 'markdown' }));
  const written = { done: all.flatMap((part) => latestOf(state, part)) };
  await writeFile(WRITTEN, await format(JSON.stringify(written), { ...style, parser: 'json' }));
}
const failed = parts
  .flatMap((part) => latestOf(state, part).filter(({ ok }) => !ok))
  .map(({ part, round }) => `${part}-${round}`);
if (failed.length > 0)
  console.log(`\nfailed: ${failed.join(', ')}; their output is in ${path.relative(root, VERIFY_FOLDER)}/`);
process.exitCode = failed.length > 0 ? 1 : 0;
