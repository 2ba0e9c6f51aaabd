import { describe, expect, it } from '@jest/globals';
import { allCells, byPairs, waves } from './cells.js';

const nameOf = (cell: object): string => Object.values(cell).join(' ');

describe('the cells of the crash matrix', () => {
  it('are each process at each step in each way', () => {
    const cells = allCells();
    expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
    expect(cells).toHaveLength(8 * 5 * 2 + 3 * 5);
  });

  it('are chosen so that a few show every fault, every step and every process', () => {
    const chosen = byPairs(allCells(), 12);
    expect(new Set(chosen.map(({ fault }) => fault)).size).toBe(3);
    expect(new Set(chosen.map(({ step }) => step)).size).toBe(5);
    expect(new Set(chosen.map(({ process }) => process)).size).toBe(8);
  });

  it('are all of them when more are wanted than there are', () => {
    expect(byPairs(allCells(), 1_000).map(nameOf).toSorted()).toEqual(allCells().map(nameOf).toSorted());
  });

  it('happen together only to different processes', () => {
    const chosen = waves(byPairs(allCells(), 12), 4);
    expect(chosen.flat()).toHaveLength(12);
    for (const wave of chosen) expect(new Set(wave.map(({ process }) => process)).size).toBe(wave.length);
    expect(waves(allCells(), 1)).toHaveLength(allCells().length);
  });
});
