import { planSpecSchema, type MetricGate } from '@scc/plan';
import { judgeSample, readGate } from './gate-samples.js';
import type { MetricReading, MetricSource } from '../outside/prometheus.js';

const [preset] = planSpecSchema.parse({
  workloadRef: { kind: 'Deployment', name: 'ledger' },
  targetSCC: 'restricted-v2',
  gates: { metrics: [{ name: 'latency', preset: 'request-duration-p99', max: 120, relativeTo: 'stable' }] },
}).gates.metrics;
if (!preset) throw new Error('no gate');
const at = '2026-11-24T00:00:00Z';
const HOUR_MS = 3_600_000;
const NOW_MS = 10 * HOUR_MS;

/** A side answers by its first Service, and only about traffic that is old enough. */
function sides(readings: Record<string, MetricReading>): { metrics: Pick<MetricSource, 'read'>; asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    asked,
    metrics: {
      read: (_gate, { services, beside }, sinceMs) => {
        asked.push({ services, beside, sinceMs });
        return Promise.resolve(readings[services[0] ?? ''] ?? { noData: 'not asked for' });
      },
    },
  };
}

const read = (readings: Record<string, MetricReading>, { isOtherIdle = false, gate = preset } = {}) => {
  const { metrics, asked } = sides(readings);
  const scope = { namespace: 'shop', services: ['ledger-canary'], beside: ['ledger'] };
  return { reading: readGate(metrics, gate, { scope, sinceMs: NOW_MS, isOtherIdle }), asked };
};

const verdictOf = async (canary: MetricReading, stable: MetricReading, gate: MetricGate = preset) => {
  const { verdict, value } = judgeSample(
    gate,
    await read({ 'ledger-canary': canary, ledger: stable }, { gate }).reading,
    at,
  );
  return { verdict, value };
};

describe('a gate that compares with the stable side', () => {
  const least: MetricGate = { ...preset, max: undefined, min: 99 };

  const none: MetricReading = { noData: 'none' };
  const passes = (value: number) => ({ verdict: 'pass', value });
  const fails = (value: number | null) => ({ verdict: 'fail', value });
  const noVerdict = { verdict: 'noData', value: null };

  it.each<[string, [MetricReading, MetricReading], MetricGate, { verdict: string; value: number | null }]>([
    ['passes on the bound', [{ value: 24 }, { value: 20 }], preset, passes(120)],
    ['fails above it', [{ value: 25 }, { value: 20 }], preset, fails(125)],
    ['fails below the minimum', [{ value: 49 }, { value: 50 }], least, fails(98)],
    ['lets a fault of both sides pass', [{ value: 50 }, { value: 50 }], least, passes(100)],
    ['takes nothing beside nothing for the same', [{ value: 0 }, { value: 0 }], preset, passes(100)],
    ['fails where the stable side has none', [{ value: 3 }, { value: 0 }], preset, fails(null)],
    ['fails by a number without end', [{ value: Infinity }, { value: 2 }], preset, fails(null)],
    ['compares with no number without end', [{ value: 2 }, { value: Infinity }], preset, noVerdict],
    ['has no verdict where nothing bounds it', [{ value: 3 }, { value: 0 }], least, noVerdict],
    ['knows no share of a negative number', [{ value: -1 }, { value: 2 }], preset, noVerdict],
    ['has no verdict without its own', [none, { value: 2 }], preset, noVerdict],
    ["has none without the other's", [{ value: 2 }, none], preset, noVerdict],
  ])('%s', async (_case, [canary, stable], gate, expected) => {
    expect(await verdictOf(canary, stable, gate)).toEqual(expected);
  });

  it('asks both sides about the same time, each beside the other', async () => {
    const { reading, asked } = read({ 'ledger-canary': { value: 1 }, ledger: { value: 1 } });
    await reading;
    expect(asked).toEqual([
      { services: ['ledger-canary'], beside: ['ledger'], sinceMs: NOW_MS },
      { services: ['ledger'], beside: ['ledger-canary'], sinceMs: NOW_MS },
    ]);
  });

  it('takes a side that gets no request any more as it was in the hour before', async () => {
    const { reading, asked } = read({ 'ledger-canary': { value: 1 }, ledger: { value: 1 } }, { isOtherIdle: true });
    await reading;
    expect(asked).toMatchObject([{ sinceMs: NOW_MS }, { services: ['ledger'], sinceMs: NOW_MS - HOUR_MS }]);
  });

  it('says both numbers', async () => {
    const { reading } = read({ 'ledger-canary': { value: 25 }, ledger: { value: 20 } });
    expect(judgeSample(preset, await reading, at).detail).toBe('125 % is above 120 % (25 beside 20 of the other side)');
  });

  it('asks nothing of the other side where it does not compare', async () => {
    const { relativeTo: _left, ...alone } = preset;
    const { reading, asked } = read({ 'ledger-canary': { value: 25 } }, { gate: alone });
    await expect(reading).resolves.toEqual({ value: 25 });
    expect(asked).toHaveLength(1);
  });
});
