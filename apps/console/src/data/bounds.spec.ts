import { describe, expect, it } from '@jest/globals';
import { lastOfEach, stepPath } from './bounds.js';

describe('the samples of gates', () => {
  it('end with one for each gate', () => {
    const samples = [
      { gate: 'a', value: 1 },
      { gate: 'b', value: 2 },
      { gate: 'a', value: 3 },
    ];
    expect(lastOfEach(samples)).toEqual([
      { gate: 'a', value: 3 },
      { gate: 'b', value: 2 },
    ]);
  });
});

describe('the line of weights', () => {
  const box = {
    from: Date.parse('2026-01-01T00:00:00Z'),
    to: Date.parse('2026-01-01T00:10:00Z'),
    width: 100,
    height: 50,
  };

  it('steps up where a weight was set', () => {
    const weights = [
      { canary: 10, at: '2026-01-01T00:05:00Z' },
      { canary: 100, at: '2026-01-01T00:10:00Z' },
    ];
    expect(stepPath(weights, box)).toBe('M 0 50 H 50 V 45 H 100 V 0 H 100');
  });

  it('is empty without weights or time', () => {
    expect(stepPath([], box)).toBe('');
    expect(stepPath([{ canary: 1, at: '2026-01-01T00:00:00Z' }], { ...box, to: box.from })).toBe('');
  });
});
