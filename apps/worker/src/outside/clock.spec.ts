import { differenceOf, PrometheusClock } from './clock.js';

describe('the difference of two clocks', () => {
  const ours = { sentMs: 10_000, receivedMs: 12_000 };
  it.each<[string, number, number]>([
    ['is none within the way of the answer', 11_000, 0],
    ['is none right beside it', 12_400, 0],
    ['is what the other one is ahead', 72_000, 60_000],
    ['is what the other one is behind', -50_000, -60_000],
    ['is taken for none when it cannot be told', NaN, 0],
  ])('%s', (_case, shownMs, expected) => {
    expect(differenceOf(shownMs, ours)).toBe(expected);
  });

  it('is measured once for a while', async () => {
    let asked = 0;
    const clock = new PrometheusClock(() => {
      asked++;
      return Promise.resolve([{ metric: {}, value: [0, String(Date.now() / 1000 + 120)], values: [] }]);
    });
    expect(Math.round((await clock.aheadMs('shop')) / 1000)).toBe(120);
    await clock.aheadMs('shop');
    expect(asked).toBe(1);
  });
});
