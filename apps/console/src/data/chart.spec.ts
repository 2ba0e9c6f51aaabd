import { describe, expect, it } from '@jest/globals';
import { linePoints, placeOn, rangeOf, shortNumber } from './chart.js';

describe('a chart', () => {
  it('holds all values with room beside them, and one value alone', () => {
    expect(rangeOf([10, 20])).toEqual({ from: 9, to: 21 });
    expect(rangeOf([100])).toEqual({ from: 90, to: 110 });
    expect(rangeOf([0])).toEqual({ from: 0, to: 0.1 });
    expect(rangeOf([-5, 5])).toEqual({ from: -6, to: 6 });
    expect(rangeOf([])).toEqual({ from: 0, to: 1 });
  });

  it('has no room below 0 for what is never below it, and none above the most that there can be', () => {
    expect(rangeOf([4, 150])).toEqual({ from: 0, to: 164.6 });
    expect(rangeOf([99, 100], 100)).toEqual({ from: 98.9, to: 100 });
    expect(rangeOf([101], 100).to).toBe(101);
  });

  it('draws time to the right and values upwards', () => {
    const dots = [
      { at: 0, value: 0 },
      { at: 5, value: 100 },
    ];
    expect(linePoints(dots, { from: 0, to: 10 }, { from: 0, to: 100 }, { width: 100, height: 50 })).toBe('0,50 50,0');
  });

  it('puts what has no extent into the middle', () => {
    expect(placeOn(3, { from: 3, to: 3 }, 100)).toBe(50);
  });

  it('writes short numbers', () => {
    expect([99.9, 100, 0.12345].map(shortNumber)).toEqual(['99.9', '100', '0.12']);
  });
});
