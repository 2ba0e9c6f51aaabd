import { describe, expect, it } from '@jest/globals';
import { boundedTo } from './figures.js';
import { staysIn } from './phases.js';

const moments = (...seen: [phase: Parameters<typeof staysIn>[0][number]['phase'], second: number][]) =>
  seen.map(([phase, second]) => ({ phase, at: new Date(second * 1000) }));

describe('staysIn', () => {
  it('counts from the first event of a phase to the first one of the next, and none for the final phase', () => {
    expect(
      staysIn(moments(['Validating', 0], ['Validating', 2], ['Mirroring', 3], ['Migrating', 10], ['Completed', 14.5])),
    ).toEqual([
      { phase: 'Validating', seconds: 3 },
      { phase: 'Mirroring', seconds: 7 },
      { phase: 'Migrating', seconds: 4.5 },
    ]);
  });

  it('counts a phase that was entered twice twice', () => {
    expect(staysIn(moments(['RollingBack', 0], ['Failed', 5], ['RollingBack', 6], ['RolledBack', 8]))).toEqual([
      { phase: 'RollingBack', seconds: 5 },
      { phase: 'Failed', seconds: 1 },
      { phase: 'RollingBack', seconds: 2 },
    ]);
  });

  it('knows no stay in a phase that has not ended', () => {
    expect(staysIn([])).toEqual([]);
    expect(staysIn(moments(['Validating', 0], ['Validating', 9]))).toEqual([]);
  });
});

describe('boundedTo', () => {
  it('counts together what goes beyond the bound, also beside a name that is the same', () => {
    const counts = ['a', 'other', 'b', 'c'].map((key, index) => ({ key, count: 10 - index }));
    expect(boundedTo(4, counts)).toEqual({ a: 10, other: 9, b: 8, c: 7 });
    expect(boundedTo(2, counts)).toEqual({ a: 10, other: 24 });
  });
});
