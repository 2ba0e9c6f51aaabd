import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from './packages.ts';

/** The table of docs/SECURITY.md that names a test for each attack. */

const FILE = /`((?:apps|libs|dev|workflows|bench)\/[^`]+)`/;
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const page = read('docs/SECURITY.md');
const rows = page
  .slice(page.indexOf('## How it is tested'))
  .split('\n')
  .filter((line) => line.startsWith('| ') && FILE.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** The files of a cell, each with the names that stand behind it. */
function testsIn(cell: string): { file: string; names: string[] }[] {
  const parts = cell.split(FILE).slice(1);
  return parts.flatMap((file, at) => {
    if (at % 2 === 1) return [];
    const [, behind = ''] = (parts[at + 1] ?? '').split('›');
    return [{ file, names: behind.split(/[;,]/).flatMap((name) => name.split('…')) }];
  });
}

describe('the table of attacks', () => {
  it('has many rows, each with a test and what happened before', () => {
    expect(rows.length).toBeGreaterThan(30);
    for (const cells of rows) expect([cells[1], cells.slice(1, 4).includes('')]).toEqual([cells[1], false]);
  });

  it.each(rows.map(([, attack = '', tests = '']) => [attack, tests]))('%s', (_attack, tests) => {
    for (const { file, names } of testsIn(tests)) {
      expect([file, existsSync(path.join(root, file))]).toEqual([file, true]);
      const text = read(file);
      const missing = names.map((name) => name.trim()).filter((name) => !text.includes(name));
      expect([file, missing]).toEqual([file, []]);
    }
  });
});
