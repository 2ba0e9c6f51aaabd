import { parseSpec } from '@scc/plan';
import { PHASES } from '@scc/plan';
import { loadOptionsSchema } from '../load/protocol.js';
import { scenarioPlanOf, SCENARIOS } from './scenarios.js';
import { streamsFor, totalRate } from './traffic.js';

describe('the scenarios', () => {
  it('are nine plans that the schema takes', () => {
    expect(SCENARIOS.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(SCENARIOS.map(({ spec }) => parseSpec(spec)).filter(({ ok }) => !ok)).toEqual([]);
    expect(new Set(SCENARIOS.map(({ workload }) => workload)).size).toBe(9);
  });

  it('change nothing for good unless they complete', () => {
    for (const { outcome, changes } of SCENARIOS) expect(changes.length > 0).toBe(outcome === 'Completed');
  });

  it('act in phases that come in this order', () => {
    const order = SCENARIOS.map(({ actions }) => actions.map(({ at }) => PHASES.indexOf(at)));
    for (const phases of order) expect(phases).toEqual([...phases].sort((a, b) => a - b));
  });

  it('are applied in the namespace of the samples', () => {
    expect(scenarioPlanOf(SCENARIOS[0]!)).toMatchObject({ kind: 'SCCMigrationPlan', metadata: { namespace: 'shop' } });
  });
});

describe('streamsFor', () => {
  it.each([300, 600])('sends %i requests a second in every scenario, to every service', (rate) => {
    for (const scenario of SCENARIOS) {
      const streams = streamsFor(scenario, rate);
      expect(totalRate(streams)).toBeCloseTo(rate);
      expect(loadOptionsSchema.safeParse({ streams }).success).toBe(true);
      expect(new Set(streams.map(({ name }) => name.split(' ')[0])).size).toBe(8);
      expect(new Set(streams.map(({ name }) => name)).size).toBe(streams.length);
    }
  });

  it('calls every service by its Route where Routes lead to the shop, and none through the gateway', () => {
    for (const scenario of SCENARIOS) {
      const streams = streamsFor(scenario, 300, 'route');
      expect(totalRate(streams)).toBeCloseTo(300);
      expect(new Set(streams.filter(({ via }) => via === 'router').map(({ host }) => host.split('.')[0])).size).toBe(8);
      expect(streams.filter(({ via }) => via === 'ingress')).toEqual([]);
    }
  });

  it('keeps the rate at which the target breaks, however fast the rest goes', () => {
    const breaking = SCENARIOS[1]!;
    for (const rate of [200, 300, 1000]) {
      const own = streamsFor(breaking, rate).filter(({ name }) => name.startsWith('catalog'));
      expect(totalRate(own)).toBeCloseTo(180);
    }
  });

  it('refuses a service that it does not know', () => {
    expect(() => streamsFor({ workload: 'unknown', load: { share: 0.5 } }, 300)).toThrow('unknown');
  });
});
