import { readFileSync } from 'node:fs';
import path from 'node:path';
import { allCodes } from '@scc/cli/codes';
import { REFUSED_KINDS } from '@scc/plan';

const ROOT = path.join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(path.join(ROOT, 'docs', 'REFUSALS.md'), 'utf8');

/** A section of the page, by its heading. */
const section = (heading: string): string => page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
/** The cells of each row, without the heads. */
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
const codeOf = (cell = ''): string => /^`(\w+)`/.exec(cell)?.[1] ?? '';

const tried = rows(section('Tried'));
const untried = rows(section('Not tried'));
const ofPlan = [...section('Of the plan alone').matchAll(/`(\w+)`/g)].map(([, code = '']) => code);
const codes = allCodes()
  .filter(({ group }) => group === 'Violations of a plan')
  .map(({ code }) => code);

describe('the ways out of refusals', () => {
  it('are each tried, of the plan alone, or have a reason why they are not', () => {
    const named = [...new Set([...tried, ...untried].map(([cell]) => codeOf(cell))), ...ofPlan];
    expect(named.toSorted()).toEqual(codes.toSorted());
  });

  it('are tried for every kind that no plan moves', () => {
    const kinds = tried.map(([cell = '']) => /^`KindNotMoved` (\w+)$/.exec(cell)?.[1]).filter(Boolean);
    expect(kinds.toSorted()).toEqual([...REFUSED_KINDS].toSorted());
  });

  it.each(tried)('%s, %s: %s', (...[, , test = '']) => {
    const [, file = '', title = ''] = /^`(.*?)` › (.+)$/.exec(test) ?? [];
    expect(title.length).toBeGreaterThan(8);
    expect(readFileSync(path.join(ROOT, file), 'utf8').replaceAll("\\'", "'")).toContain(title);
  });
});
