import { describe, expect, it } from '@jest/globals';
import { declaredTwice } from './names.ts';

const found = (...texts: string[]) =>
  Object.fromEntries(declaredTwice(texts.map((text, index) => ({ file: `${index}.ts`, text }))));

describe('exported names that are declared twice', () => {
  it.each([
    ['constants', 'export const judge = 1;', 'export const judge = 2;'],
    ['a function and a type', 'export function judge() {}', 'export type judge = string;'],
    ['a class and an interface', 'export class judge {}', 'export interface judge {}'],
    ['a generator and an async function', 'export function* judge() {}', 'export async function judge() {}'],
    ['an export list', 'const judge = 1;\nexport { judge };', 'export const judge = 2;'],
    ['an export by another name', 'const rate = 1;\nexport { rate as judge };', 'export const judge = 2;'],
    ['an alias of what another file declares', "export { rate as judge } from './a.js';", 'export const judge = 2;'],
  ])('names %s', (_kind, one, other) => {
    expect(found(one, other)).toEqual({ judge: ['0.ts', '1.ts'] });
  });

  it.each([
    ['what one file declares as a type and a value', 'export const judge = 1;\nexport type judge = 1;', ''],
    ['a front door that hands it on', 'export const judge = 1;', "export { judge } from './0.js';"],
    ['what is imported and handed on', 'export const judge = 1;', "import { judge } from './0.js';\nexport { judge };"],
    ['a name that one file keeps to itself', 'export const judge = 1;', 'const judge = 2;'],
    ['a declaration inside a function', 'export const judge = 1;', 'export function rate() { const judge = 2; }'],
  ])('lets %s pass', (_kind, one, other) => {
    expect(found(one, other)).toEqual({});
  });
});
