import { describe, expect, it } from '@jest/globals';
import { baseOf, withCanaryBackend, withoutCanaryBackend } from './backends.js';
import type { RouteBackend, Backends } from './schema.js';
import { fitting } from './weights.js';

const PAIR = [{ name: 'ledger', canary: 'ledger-canary' }];
const to = (name: string, weight?: number): RouteBackend => ({
  kind: 'Service',
  name,
  ...(weight === undefined ? {} : { weight }),
});
const alone: Backends = { to: to('ledger', 100), alternateBackends: [] };
const weights = ({ to: first, alternateBackends }: Backends) =>
  [first, ...alternateBackends].map(({ name, weight }) => [name, weight]);

describe('weights of a Route', () => {
  it.each([
    [
      [9000, 1000],
      [90, 10],
    ],
    [
      [9900, 100],
      [99, 1],
    ],
    [
      [7200, 800, 2000],
      [72, 8, 20],
    ],
    [
      [0, 100],
      [0, 100],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ])('%j are exact where they fit', (wanted, fit) => {
    expect(fitting(wanted)).toEqual(fit);
  });

  it('are rounded with the least error where they do not, within 256, and none is lost', () => {
    for (const wanted of [
      [25_600, 100, 1],
      [37 * 90, 37 * 10, 10_100, 300],
      [255 * 99, 255, 25_600],
    ]) {
      const fit = fitting(wanted);
      expect(Math.max(...fit)).toBeLessThanOrEqual(256);
      expect(Math.min(...fit)).toBeGreaterThanOrEqual(1);
      const shares = (list: number[]) => list.map((one) => one / list.reduce((a, b) => a + b, 0));
      for (const [index, share] of shares(fit).entries())
        expect(Math.abs(share - (shares(wanted)[index] ?? 0))).toBeLessThan(1 / 256);
    }
  });
});

describe('the backends of a divided Route', () => {
  it('name the canary behind those of the user', () => {
    const shared: Backends = { to: to('other', 20), alternateBackends: [to('ledger', 80)] };
    expect(withCanaryBackend(shared, 25, PAIR)).toEqual({
      to: to('other', 20),
      alternateBackends: [to('ledger', 60), to('ledger-canary', 20)],
    });
  });

  it('are never all 0', () => {
    for (const base of [alone, { to: to('other', 0), alternateBackends: [to('ledger', 7)] }])
      for (let percent = 0; percent <= 100; percent++)
        expect(weights(withCanaryBackend(base, percent, PAIR)).some(([, weight]) => Number(weight) > 0)).toBe(true);
  });

  it('keep a Service without weight at 0, and its canary too', () => {
    const spare: Backends = { to: to('other', 10), alternateBackends: [to('ledger', 0)] };
    expect(weights(withCanaryBackend(spare, 50, PAIR))).toEqual([
      ['other', 100],
      ['ledger', 0],
      ['ledger-canary', 0],
    ]);
  });

  it('read a weight that is not there as 1', () => {
    const unset: Backends = { to: to('ledger'), alternateBackends: [to('other', 1)] };
    expect(weights(withCanaryBackend(unset, 50, PAIR))).toEqual([
      ['ledger', 25],
      ['other', 50],
      ['ledger-canary', 25],
    ]);
  });

  it('divide each of several Services for itself', () => {
    const both = [...PAIR, { name: 'cash', canary: 'cash-canary' }];
    const base: Backends = { to: to('ledger', 50), alternateBackends: [to('cash', 50)] };
    expect(weights(withCanaryBackend(base, 10, both))).toEqual([
      ['ledger', 45],
      ['cash', 45],
      ['ledger-canary', 5],
      ['cash-canary', 5],
    ]);
  });
});

describe('the way back', () => {
  it('is word for word, also from weights that had to be rounded', () => {
    const odd: Backends = { to: to('ledger', 37), alternateBackends: [to('other', 101), to('third', 3)] };
    for (const percent of [0, 1, 10, 33, 50, 99, 100])
      expect(baseOf(withCanaryBackend(odd, percent, PAIR), odd, PAIR)).toBe(odd);
  });

  it("keeps another client's weights, without ours", () => {
    const now: Backends = { to: to('ledger', 60), alternateBackends: [to('other', 99), to('ledger-canary', 20)] };
    expect(baseOf(now, alone, PAIR)).toEqual({ to: to('ledger', 80), alternateBackends: [to('other', 99)] });
  });

  it('keeps a Route from which another client took the Service', () => {
    expect(withoutCanaryBackend({ to: to('other', 5), alternateBackends: [to('ledger-canary', 3)] }, PAIR)).toEqual({
      to: to('other', 5),
      alternateBackends: [],
    });
    const last: Backends = { to: to('ledger-canary', 3), alternateBackends: [] };
    expect(withoutCanaryBackend(last, PAIR)).toEqual(last);
  });
});
