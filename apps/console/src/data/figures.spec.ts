import { describe, expect, it } from '@jest/globals';
import { boundsOfPreset, linesOfSides, type MetricOfPlan, ownCharts, timeOf } from './figures.js';

const none = { perSecond: null, successRate: null, p99Ms: null };
const sample = (minute: number, over: object = {}) => ({
  ...{ gate: 'success-rate', verdict: 'pass', value: 100, detail: '', weight: 25, sides: null },
  at: `2026-03-10T12:0${minute}:00.000Z`,
  ...over,
});
const sides = { canary: { perSecond: 25, successRate: 100, p99Ms: 8 }, stable: { ...none, perSecond: 75 } };
const metric = (over: Partial<MetricOfPlan>): MetricOfPlan => ({
  ...{ name: 'success-rate', preset: 'request-success-rate', min: 99.9 },
  ...{ interval: '15s', failureLimit: 2, noData: 'Wait' },
  ...over,
});

describe('the figures of both sides', () => {
  it('are a line each, without what is not known', () => {
    const gates = [sample(1, { sides }), sample(1), sample(2, { sides })];
    expect(linesOfSides(gates, 'perSecond').map(({ name, dots }) => [name, dots.map(({ value }) => value)])).toEqual([
      ['canary', [25, 25]],
      ['workload', [75, 75]],
    ]);
    expect(linesOfSides(gates, 'p99Ms').map(({ dots }) => dots.length)).toEqual([2, 0]);
  });

  it('have the bounds of the gates that judge the figure itself', () => {
    const compared = metric({ name: 'beside', relativeTo: 'stable', min: 98 });
    expect(boundsOfPreset([metric({ max: 101 }), compared], 'request-success-rate')).toEqual([
      { text: 'success-rate: at least 99.9', value: 99.9 },
      { text: 'success-rate: at most 101', value: 101 },
    ]);
    expect(boundsOfPreset([metric({})], null)).toEqual([]);
  });

  it('leave a chart of its own to each gate that they do not show', () => {
    const own = metric({ name: 'queue', preset: undefined, query: 'up' });
    const queue = sample(1, { gate: 'queue' });
    const silent = sample(1, { gate: 'silent', value: null });
    expect(ownCharts([sample(1, { sides }), queue, silent], [metric({}), own])).toEqual(['queue']);
    expect(ownCharts([sample(1), queue], [metric({}), own])).toEqual(['success-rate', 'queue']);
  });
});

describe('the time of the charts', () => {
  const at = (minute: number): string => new Date(Date.UTC(2026, 2, 10, 12, minute)).toISOString();
  const minutes = ({ from, to }: { from: number; to: number }): number => Math.round((to - from) / 60_000);
  const weight = (minute: number, canary: number) => ({
    canary,
    stable: 100 - canary,
    verifiedBy: 'x',
    at: at(minute),
  });
  const migration = { gates: [], startedAt: at(0), finishedAt: at(600), updatedAt: at(600) };

  it('ends where the requests were back, however long the workload is watched after', () => {
    const weights = [weight(10, 50), weight(11, 100)];
    const back = [{ event: { type: 'TrafficReturned' }, at: at(20) }];
    expect(minutes(timeOf({ ...migration, weights }, back))).toBe(10);
    expect(minutes(timeOf({ ...migration, weights: [...weights, weight(19, 0)] }, back))).toBe(10);
  });

  it('goes on while the canary has requests', () => {
    expect(minutes(timeOf({ ...migration, weights: [weight(10, 50)], finishedAt: null, updatedAt: at(30) }, []))).toBe(
      21,
    );
  });
});
