import { healthySide } from './workload.js';

describe('healthySide', () => {
  const large = { replicas: 4 };
  it.each<[string, { stable: number; canary: number }, 0 | 100 | null]>([
    ['leaves requests where they are while both sides serve', { stable: 4, canary: 4 }, null],
    [
      'fluxcd/flagger#639, #1202: sends them to the canary while the stable pods cannot serve',
      { stable: 1, canary: 4 },
      100,
    ],
    ['sends them to the stable pods once the canary has no endpoint left', { stable: 4, canary: 0 }, 0],
    ['leaves them to a canary that still has some', { stable: 4, canary: 1 }, null],
    ['knows no better side where neither can serve', { stable: 0, canary: 1 }, null],
    ['leaves them where nothing is left', { stable: 0, canary: 0 }, null],
  ])('%s', (_case, counts, expected) => {
    expect(healthySide([{ service: 'web', ...counts }], large)).toBe(expected);
  });

  it('asks for every Service', () => {
    const well = { service: 'web', stable: 4, canary: 4 };
    expect(healthySide([well, { service: 'admin', stable: 4, canary: 0 }], large)).toBeNull();
    expect(healthySide([], large)).toBeNull();
  });
});
