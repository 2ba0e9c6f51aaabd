import { canarySize, largestCanary } from './canary-size.js';

describe('the size of a canary', () => {
  it.each([
    ['Full', [8, 8, 8, 8], 8],
    ['Weight', [1, 1, 4, 8], 8],
    [3, [3, 3, 3, 3], 3],
    [undefined, [8, 8, 8, 8], 8],
  ] as const)('%s', (canaryReplicas, sizes, largest) => {
    const target = { replicas: 8, ...(canaryReplicas === undefined ? {} : { canaryReplicas }) };
    expect([0, 10, 50, 100].map((share) => canarySize(target, share))).toEqual(sizes);
    expect(largestCanary(target)).toBe(largest);
  });
});
