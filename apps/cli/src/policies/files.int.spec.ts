import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readPolicyFiles } from './files.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'policies-'))));
afterEach(() => rm(folder, { recursive: true }));

const policy = `kind: Policy
name: p
rules: [{ name: r, when: 'true', verdict: deny, message: no, remedy: do not }]
`;
async function faultsOf(...contents: string[]): Promise<string[]> {
  for (const [at, content] of contents.entries()) await writeFile(path.join(folder, `${at}.yaml`), content);
  const { faults } = await readPolicyFiles([folder]);
  return faults.map(({ source, message }) => `${path.basename(source)}: ${message}`);
}

describe('policies in files', () => {
  it('are read from every document of a folder, empty ones left out', async () => {
    await writeFile(
      path.join(folder, 'a.yaml'),
      `${policy}---\n# nothing\n---\nkind: PolicyBinding\nname: b\npolicy: p\naction: warn\n`,
    );
    const { policies, bindings, faults } = await readPolicyFiles([folder]);
    expect([policies.length, bindings.map(({ binding }) => binding.name), faults]).toEqual([1, ['b'], []]);
  });

  it.each<[string, string[], string]>([
    ['a document without a kind', ['name: p'], '0.yaml: kind: one of Policy, PolicyBinding, PolicyTest'],
    ['a field that is missing', ['kind: Policy\nname: p'], '0.yaml: rules: '],
    [
      'a field that nothing reads',
      ['kind: PolicyBinding\nname: b\npolicy: p\naction: warn\nnamespace: shop'],
      '0.yaml: document: Unrecognized key',
    ],
    ['an expression that is none', [policy.replace("'true'", "'scc.'")], '0.yaml: rules[0].when '],
    ['an input that policies do not have', [policy.replace("'true'", "'pod.x'")], '0.yaml: rules[0].when '],
    ['a second policy of a name', [policy, policy], '1.yaml: the policy p stands in '],
    ['text that is no YAML', ['kind: ['], '0.yaml: '],
  ])('say where %s stands', async (_what, contents, words) => {
    expect((await faultsOf(...contents)).join('\n')).toContain(words);
  });

  it('have to be somewhere', async () => {
    await expect(readPolicyFiles([folder])).rejects.toThrow('there is no policy in');
    await expect(readPolicyFiles([path.join(folder, 'none')])).rejects.toThrow('--filename: ENOENT');
  });

  it('of the examples pass their tests', async () => {
    const examples = path.resolve(import.meta.dirname, '../../../../deploy/examples/policies');
    const { policies, tests, faults } = await readPolicyFiles([examples]);
    expect(faults).toEqual([]);
    expect(tests.map(({ test }) => test.policy)).toEqual(policies.map(({ policy: { document } }) => document.name));
  });
});
