import fc from 'fast-check';
import { divided, reduced, respelled } from './weights.js';

describe('reduced', () => {
  it.each<[string, number[], number[]]>([
    ['keeps a sum of 100', [7200, 800, 2000], [72, 8, 20]],
    ['finds a sum of 100', [4, 1], [80, 20]],
    ['is as small as possible where 100 is not exact', [20, 10], [2, 1]],
    ['keeps zeros', [0, 700], [0, 100]],
    ['keeps nothing but zeros', [0, 0], [0, 0]],
  ])('%s', (_name, weights, expected) => {
    expect(reduced(weights)).toEqual(expected);
  });

  it('never changes a proportion', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 6 }), (weights) => {
        const small = reduced(weights);
        for (const [i, a] of weights.entries())
          for (const [j, b] of weights.entries()) expect(a * (small[j] ?? NaN)).toBe(b * (small[i] ?? NaN));
      }),
    );
  });
});

describe('respelled', () => {
  it('changes the numbers, never a proportion, and comes back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 6 }), (weights) => {
        const other = respelled(weights);
        expect(reduced(other)).toEqual(reduced(weights));
        if (weights.some((weight) => weight > 0)) expect(other).not.toEqual(weights);
        expect(respelled(respelled(reduced(weights)))).toEqual(reduced(weights));
      }),
    );
  });
});

describe('divided', () => {
  it('gives all that there was', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(100), (weight, percent) => {
        const { stable, canary } = divided(weight, percent);
        expect(stable + canary).toBe(weight * 100);
        expect(canary).toBe(weight * percent);
      }),
    );
  });
});
