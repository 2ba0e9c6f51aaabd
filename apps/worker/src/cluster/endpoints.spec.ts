import { shortSide } from './endpoints.js';

describe('shortSide', () => {
  it.each<[string, { stable: number; canary: number }, number, RegExp | null]>([
    ['has enough on both sides', { stable: 3, canary: 3 }, 50, null],
    ['lacks stable endpoints for what is left to them', { stable: 0, canary: 3 }, 75, /0 of 1 stable endpoints of web/],
    ['does not need a side without requests', { stable: 0, canary: 3 }, 100, null],
    ['needs all of the canary at 100 %', { stable: 3, canary: 2 }, 100, /2 of 3 canary endpoints of web/],
    ['needs one canary endpoint for a small share', { stable: 3, canary: 0 }, 10, /0 of 1 canary/],
    ['forgives a pod that the share does not need', { stable: 1, canary: 1 }, 50, null],
  ])('%s', (_case, counts, weight, expected) => {
    const short = shortSide([{ service: 'web', ...counts }], weight, 3);
    if (expected === null) expect(short).toBeNull();
    else expect(short).toMatch(expected);
  });

  it('asks no more of a canary than the plan lets it have', () => {
    const counts = [{ service: 'web', stable: 8, canary: 2 }];
    expect(shortSide(counts, 100, 8)).toMatch(/2 of 8/);
    expect(shortSide(counts, 100, 8, 2)).toBeNull();
    expect(shortSide(counts, 100, 8, 3)).toMatch(/2 of 3/);
  });
});
