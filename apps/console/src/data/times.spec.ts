import { describe, expect, it } from '@jest/globals';
import { agoOf, durationOf, tickOf } from './times.js';

describe('a length of time', () => {
  it.each([
    [0, '0 s'],
    [-5, '0 s'],
    [59_999, '59 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [3_605_000, '1 h'],
    [90_061_000, '1 d 1 h'],
  ])('of %d ms is %s', (ms, words) => {
    expect(durationOf(ms)).toBe(words);
  });

  it('counts from a point in time', () => {
    expect(agoOf('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:02:00Z'))).toBe('2 min');
  });
});

describe('a point on an axis', () => {
  it.each([
    [1, '12:05'],
    [26, 'Mar 10, 12:05'],
    [400, 'Mar 10'],
  ])('of a span of %d h is %s', (hours, words) => {
    expect(tickOf(Date.parse('2026-03-10T12:05:00Z'), hours * 3_600_000, 'UTC')).toBe(words);
  });
});
