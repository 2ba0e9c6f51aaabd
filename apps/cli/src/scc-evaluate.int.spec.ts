import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { defaultSCCs } from '@scc/scc';
import { stringify } from 'yaml';

const root = path.resolve(import.meta.dirname, '../../..');
const cases = readFileSync(path.join(root, 'libs/scc/fixtures/cases.jsonl'), 'utf8').trim().split('\n').slice(0, 20);

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: root });
}, 60_000);

/** The command behind `npm run scc:evaluate`, as package.json spells it. */
function start(...args: string[]): ChildProcessWithoutNullStreams {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const afterTheBuild = manifest.scripts['scc:evaluate']?.split(' && ').at(-1) ?? '';
  const [command = '', ...fixed] = afterTheBuild.split(' ');
  expect(command).toBe('node');
  return spawn(process.execPath, [...fixed, ...args], { cwd: root });
}

async function run(input: string, ...args: string[]) {
  const child = start(...args);
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr.on('data', (data: Buffer) => errors.push(data.toString()));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return {
    code,
    results: lines.map((line) => JSON.parse(line) as { id: string; decision: string }),
    errors: errors.join(''),
  };
}

describe('the conformance runner', () => {
  const expected = cases.map((line) => {
    const { id, expect: wanted } = JSON.parse(line) as { id: string; expect: { decision: string } };
    return [id, wanted.decision];
  });

  it('writes one result a line, in order, and nothing else', async () => {
    const { code, results, errors } = await run(cases.join('\n'));
    expect(results.map(({ id, decision }) => [id, decision])).toEqual(expected);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  it('takes the SCCs of the cluster from a file, without those marked as not part of every cluster', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'scc-evaluate-'));
    try {
      const file = path.join(folder, 'sccs.yaml');
      const foreign = { ...defaultSCCs()[0], metadata: { name: 'a', annotations: { 'scc-table/origin': 'operator' } } };
      writeFileSync(file, `# a table\n${[...defaultSCCs(), foreign].map((scc) => `---\n${stringify(scc)}`).join('')}`);
      const { results } = await run(cases.join('\n'), '--sccs', file);
      expect(results.map(({ id, decision }) => [id, decision])).toEqual(expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('answers each line before it has seen the next', async () => {
    const child = start();
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (const line of cases.slice(0, 3)) {
      child.stdin.write(`${line}\n`);
      expect(await lines.next()).toMatchObject({ done: false });
    }
    child.stdin.end();
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  it.each<[string, string | null, RegExp]>([
    ['is not there', null, /no such file/],
    ['is not YAML', 'a: [', /^--sccs .*: .*\. Give a YAML file/],
    ['holds something else', 'kind: Pod\nmetadata: {name: p}\nrunAsUser: 5\n', /document 1: .*runAsUser/],
  ])('says so in one line when the file of SCCs %s', async (_what, content, reason) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'scc-evaluate-'));
    try {
      const file = path.join(folder, 'sccs.yaml');
      if (content !== null) writeFileSync(file, content);
      const { code, results, errors } = await run(cases.join('\n'), '--sccs', file);
      expect({ code, results }).toEqual({ code: 2, results: [] });
      expect(errors).toMatch(reason);
      expect(errors).not.toMatch(/\n\s+at /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says which line it cannot read, and goes on', async () => {
    const { code, results, errors } = await run(`${cases[0]}\nnonsense\n\n{}\n${cases[1]}\n`);
    expect(results).toHaveLength(2);
    expect(errors).toMatch(/^line 2: .*JSON.*\nline 4: .*id.*\n$/);
    expect(code).toBe(1);
  });
});
