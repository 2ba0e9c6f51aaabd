import { describe, expect, it } from '@jest/globals';
import { joinedFor, sharesAhead } from './share.js';

describe('the pods that join for a share', () => {
  it.each([
    { name: 'nearest below', percent: 10, stable: 9, canary: 9, joined: 1 },
    { name: 'nearest above', percent: 33, stable: 3, canary: 3, joined: 2 },
    { name: 'half of all', percent: 50, stable: 4, canary: 4, joined: 4 },
    { name: 'at least one, however small the share', percent: 1, stable: 2, canary: 2, joined: 1 },
    { name: 'no more than there are, however large the share', percent: 75, stable: 3, canary: 3, joined: 3 },
    { name: 'one where the canary is small', percent: 50, stable: 10, canary: 1, joined: 1 },
  ])('$name', ({ percent, stable, canary, joined }) => {
    expect(joinedFor(percent, { stable, canary })).toBe(joined);
  });

  it('are told ahead, for each weight of a plan', () => {
    expect(sharesAhead([10, 25, 50, 75, 100], 4, () => 4).map(({ share }) => share)).toEqual([20, 20, 50, 50, 100]);
    expect(sharesAhead([10, 50], 4, (weight) => Math.ceil((4 * weight) / 100)).map(({ share }) => share)).toEqual([
      20, 33.33,
    ]);
  });
});
