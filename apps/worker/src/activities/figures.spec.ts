import { FAILURE } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import type { GateSample } from '@scc/plan';
import { ApplicationFailure } from '@temporalio/common';
import type { MetricSource } from '../outside/prometheus.js';
import { withFigures } from './figures.js';

const samples: GateSample[] = ['success-rate', 'latency'].map((gate) => ({
  ...{ gate, verdict: 'pass', value: 100, detail: '' },
  at: '2026-11-24T00:00:00Z',
}));
const target = aWholeTarget();
const gates = { readiness: { timeout: '5m' }, metrics: [], webhooks: [] };
const request = { weight: 25, durationMs: 1000, sinceMs: 1000, gates };
const { name, canary } = target.services[0] ?? { name: '', canary: '' };

/** Counts requests by the Services that they were asked of, and whether those were copies. */
const counting = (asked: unknown[]): NonNullable<MetricSource['figures']> => {
  return ({ services, mirrored }, sinceMs) => {
    asked.push({ services, mirrored, sinceMs });
    return Promise.resolve({ perSecond: services[0] === canary ? 25 : 75, successRate: 100, p99Ms: 8 });
  };
};
const held = (over: object = {}, asked: unknown[] = []) =>
  withFigures({ figures: counting(asked) }, () => Promise.resolve(samples))(target, { ...request, ...over });

describe('a hold', () => {
  it('says on its first sample what the callers of both sides met', async () => {
    const [first, second] = await held();
    expect([first?.sides?.canary.perSecond, first?.sides?.stable.perSecond]).toEqual([25, 75]);
    expect(second).toEqual(samples[1]);
  });

  it.each([
    ['from its beginning', {}, [1000, false]],
    ['of the copies while it mirrors', { weight: 0 }, [1000, true]],
    ['from when the workload has everything back', { weight: 0, workloadSinceMs: 5000 }, [5000, false]],
  ])('counts the canary %s', async (_case, over, [sinceMs, mirrored]) => {
    const asked: unknown[] = [];
    await held(over, asked);
    expect(asked).toContainEqual({ services: [canary], mirrored, sinceMs });
    expect(asked).toContainEqual({ services: [name], mirrored: false, sinceMs });
  });

  it('says it of gates that failed as well, and keeps why', async () => {
    const failure = ApplicationFailure.nonRetryable('too slow', FAILURE.gate, samples);
    const failed = await withFigures({ figures: counting([]) }, () => Promise.reject(failure))(target, request).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ message: 'too slow', type: FAILURE.gate, nonRetryable: true });
    const [seen] = (failed as ApplicationFailure).details as [GateSample[]];
    expect(seen.map(({ sides }) => sides?.canary.perSecond)).toEqual([25, undefined]);
  });

  it.each<[string, Pick<MetricSource, 'figures'>]>([
    ['nothing tells the sides apart', {}],
    ['it does not answer', { figures: () => Promise.reject(new Error('away')) }],
  ])('is none the worse where %s', async (_case, metrics) => {
    const [first] = await withFigures(metrics, () => Promise.resolve(samples))(target, request);
    expect(first).toMatchObject(samples[0] ?? {});
    expect(first?.sides?.canary.perSecond ?? null).toBeNull();
  });
});
