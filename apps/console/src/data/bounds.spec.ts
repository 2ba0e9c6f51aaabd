import { describe, expect, it } from '@jest/globals';
import { lastOfEach, stepMarks, stepPath } from './bounds.js';

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

  it('marks each step, and leaves out numbers that would cover each other', () => {
    const at = (second: number): string => new Date(box.from + second * 1000).toISOString();
    const weights = [10, 50, 100].map((canary, second) => ({ canary, at: at(second) }));
    const marks = stepMarks([...weights, { canary: 0, at: at(300) }], box);
    expect(marks.map(({ y, hasText }) => [y, hasText])).toEqual([
      [45, true],
      [25, false],
      [0, false],
      [50, true],
    ]);
    expect(stepMarks(weights, { ...box, to: box.from })).toEqual([]);
  });

  it('is empty without weights or time', () => {
    expect(stepPath([], box)).toBe('');
    expect(stepPath([{ canary: 1, at: '2026-01-01T00:00:00Z' }], { ...box, to: box.from })).toBe('');
  });
});
