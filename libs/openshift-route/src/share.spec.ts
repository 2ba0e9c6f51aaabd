import { describe, expect, it } from '@jest/globals';
import type { Backends } from './schema.js';
import { realShare, shareServedBy } from './share.js';

const PAIR = [{ name: 'ledger', canary: 'ledger-canary' }];
const route = (stable: number, canary: number, other?: number): Backends => ({
  to: { kind: 'Service', name: 'ledger', weight: stable },
  alternateBackends: [
    { kind: 'Service', name: 'ledger-canary', weight: canary },
    ...(other === undefined ? [] : [{ kind: 'Service', name: 'other', weight: other }]),
  ],
});
const counts =
  (ledger: number, canary: number, other = 1) =>
  (service: string): number =>
    ({ ledger, 'ledger-canary': canary, other })[service] ?? 0;

describe('the share that the router makes of weights', () => {
  it.each<[string, Backends, [number, number], [number, number, number]]>([
    ['99:1 with one pod each', route(99, 1), [1, 1], [256, 2, 0.78]],
    ['99:1 with equal pods', route(99, 1), [3, 3], [256, 2, 0.78]],
    ['90:10 with equal pods', route(90, 10), [3, 3], [256, 28, 9.86]],
    ['50:50', route(1, 1), [2, 2], [256, 256, 50]],
    ['10:1 with 1 and 50 pods, of which each gets at least 1', route(10, 1), [1, 50], [256, 1, 16.34]],
    ['a side of many pods is raised to 1 for each', route(256, 1), [1, 50], [256, 1, 16.34]],
    ['a weight of 0 stays 0', route(100, 0), [3, 3], [256, 0, 0]],
    ['all on the canary', route(0, 100), [3, 3], [0, 256, 100]],
    ['a canary without endpoints gets nothing', route(50, 50), [3, 0], [256, 0, 0]],
    ['a stable side without endpoints gets nothing', route(90, 10), [0, 1], [0, 256, 100]],
  ])('of %s', (_name, backends, [stable, canary], [ofStable, ofCanary, share]) => {
    const endpoints = counts(stable, canary);
    expect(shareServedBy(backends, endpoints).map((one) => one.perEndpoint)).toEqual([ofStable, ofCanary]);
    expect(realShare(backends, PAIR, endpoints)).toBe(share);
  });

  it('is that of the Services and their canaries, whatever other backends get', () => {
    expect(realShare(route(40, 40, 20), PAIR, counts(2, 2, 7))).toBe(50);
  });

  it('is not known while nothing of theirs serves', () => {
    expect(realShare(route(90, 10), PAIR, counts(0, 0))).toBeNull();
  });

  it('reads a backend without a weight as 1, and none above 256', () => {
    const backends: Backends = {
      to: { kind: 'Service', name: 'ledger' },
      alternateBackends: [{ kind: 'Service', name: 'ledger-canary', weight: 1 }],
    };
    expect(realShare(backends, PAIR, counts(1, 1))).toBe(50);
    expect(realShare(route(300, 256), PAIR, counts(1, 1))).toBe(50);
  });
});
