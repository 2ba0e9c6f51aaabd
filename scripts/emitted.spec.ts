import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { explain } from '@scc/cli/codes';
import { FAILURE } from '@scc/migration/contract';
import { codesMadeIn, emittedCodes } from './emitted.ts';
import { root } from './packages.ts';

it.each([
  ['a violation', "const one = { code: 'NoService', field };", ['NoService']],
  [
    'one of two',
    "const one = { code: isRoute ? 'RouteCanNotBeDivided' : 'WayNotDivided' };",
    ['RouteCanNotBeDivided', 'WayNotDivided'],
  ],
  ['a default', "finished('Rejected', { code: violations[0]?.code ?? 'Refused' });", ['Refused']],
  ['a call', "violation('NameTaken', 'spec.workloadRef', message, remedy);", ['NameTaken']],
  ['a condition in short', "const c = ['Approved', 'False', 'WaitingForApproval'];", ['WaitingForApproval']],
  ['a condition', "say({ type: 'Drifted', status: 'True', reason: 'Reverted', message });", ['Reverted']],
  ['a comparison', "if (code === 'NoService') return;", []],
  ['a number', 'const answer = { code: 422 };', []],
])('the codes that a source makes: %s', (_case, text, expected) => {
  expect([...codesMadeIn(text)]).toEqual(expected);
});

const pascalCase = (name: string): string =>
  name.replace(/(^|-)([a-z])/g, (_all, _hyphen: string, letter: string) => letter.toUpperCase());

describe('sccctl explain', () => {
  it('knows every code that the product makes', async () => {
    const emitted = await emittedCodes();
    expect(emitted.size).toBeGreaterThan(80);
    expect([...emitted].filter(([code]) => explain(code).length === 0)).toEqual([]);
  });

  it('knows the policies that every installation starts with', async () => {
    const source = await readFile(path.join(root, 'apps/governance/src/policies/defaults.ts'), 'utf8');
    const names = [...source.matchAll(/^ {6}name: '([a-z-]+)'/gm)].map(([, name = '']) => pascalCase(name));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => explain(name).length === 0)).toEqual([]);
  });

  it('knows every failure of a step', () => {
    expect(Object.values(FAILURE).filter((type) => explain(type).length === 0)).toEqual([]);
  });

  it('knows every kind of problem that governance answers with', async () => {
    const source = await readFile(path.join(root, 'apps/governance/src/http/problems.ts'), 'utf8');
    const kinds = [...source.matchAll(/kind: '([a-z-]+)'/g)].map(([, kind = '']) => kind);
    expect(kinds.length).toBeGreaterThan(10);
    expect(kinds.filter((kind) => explain(kind).length === 0)).toEqual([]);
  });
});
