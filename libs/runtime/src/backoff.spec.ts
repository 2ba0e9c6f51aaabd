import { backoffMs } from './backoff.js';

const bounds = { firstMs: 100, lastMs: 1000 };

describe('backoff', () => {
  it.each<[string, number, number, number]>([
    ['does not wait after a success', 0, 0.5, 0],
    ['begins with the first delay', 1, 1, 100],
    ['doubles', 3, 1, 400],
    ['is bounded', 30, 1, 1000],
    ['is spread over the upper half of the delay', 3, 0, 200],
  ])('%s', (_case, failures, random, expected) => {
    expect(backoffMs(failures, bounds, () => random)).toBe(expected);
  });
});
