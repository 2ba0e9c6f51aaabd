import { gateSentence, planSpecSchema, type GateSample, type MetricGate } from '@scc/plan';
import { judgeSample } from './gate-samples.js';
import { fatalSample, pauseOf } from './gates.js';

const gate = (over: Partial<MetricGate> = {}): MetricGate => {
  const [parsed] = planSpecSchema.parse({
    workloadRef: { kind: 'Deployment', name: 'x' },
    targetSCC: 'y',
    gates: { metrics: [{ name: 'rate', preset: 'request-success-rate', min: 99.9, ...over }] },
  }).gates.metrics;
  if (!parsed) throw new Error('no gate');
  return parsed;
};
const at = '2026-11-24T00:00:00Z';
const failing: GateSample = { gate: 'rate', verdict: 'fail', value: 1, detail: '1 is below 99.9', at };

describe('judge', () => {
  it.each<[string, MetricGate, Parameters<typeof judgeSample>[1], string]>([
    ['passes on a bound', gate(), { value: 99.9 }, 'pass'],
    ['fails with what it counted', gate(), { value: 58.3, of: '75 of 180 failed' }, 'fail'],
    ['fails below the minimum', gate(), { value: 99.8 }, 'fail'],
    ['fails above the maximum', gate({ max: 100 }), { value: 100.1 }, 'fail'],
    ['fails beyond a maximum without end', gate({ max: 100 }), { value: Infinity, of: 'slow' }, 'fail'],
    ['fails below a minimum without end', gate(), { value: -Infinity }, 'fail'],
    ['does not pass on a minimum by what is no measure', gate(), { value: Infinity }, 'noData'],
    [
      'fluxcd/flagger#191, #883, #1035, #1365, #1633, #1689: has a verdict of its own for no data',
      gate(),
      { noData: 'none' },
      'noData',
    ],
  ])('%s', (_case, of, reading, verdict) => {
    expect(judgeSample(of, reading, at).verdict).toBe(verdict);
  });
});

describe('a gate that wants to be asked all the time', () => {
  it.each(['0s', '1ms', '10ms', '1s'])('is asked once a second: each %s', (interval) => {
    const watch = { gate: gate({ interval }), last: null, failures: 0 };
    for (const seenData of [true, false])
      for (const leftMs of [60_000, 1, -1]) expect(pauseOf({ ...watch, seenData }, leftMs)).toBe(1000);
  });
});

describe('a gate of a dry run', () => {
  it('says what it saw, and that it ends nothing', () => {
    const sample = judgeSample(gate({ dryRun: true }), { value: 58.3 }, at);
    expect(sample).toMatchObject({ verdict: 'fail', value: 58.3 });
    expect(sample.detail).toContain('dryRun');
  });

  it.each([true, false])('is never fatal, whether the hold is over (%s) or not', (over) => {
    const never = { gate: gate({ dryRun: true }), last: failing, failures: 9, seenData: false, isUnjudged: true };
    expect(fatalSample(never, over)).toBeNull();
  });
});

describe('fatalSample', () => {
  it.each<[string, Parameters<typeof fatalSample>[0], boolean, RegExp | null]>([
    ['tolerates failures up to the limit', { gate: gate(), last: failing, failures: 2, seenData: true }, false, null],
    [
      'fails beyond the limit, before the hold is over',
      { gate: gate(), last: failing, failures: 3, seenData: true },
      false,
      /failed \(3 samples, 2 tolerated\)/,
    ],
    ['waits for data while there is time', { gate: gate(), last: null, failures: 0, seenData: false }, false, null],
    [
      'fails when the last question got no answer, for every setting of missing data',
      {
        gate: gate({ noData: 'Ignore' }),
        last: { ...failing, verdict: 'noData', detail: 'cannot be judged: Prometheus answered 403' },
        failures: 0,
        seenData: true,
        isUnjudged: true,
      },
      true,
      /cannot be judged: Prometheus answered 403/,
    ],
    [
      'fails when data has stopped',
      { gate: gate(), last: { ...failing, verdict: 'noData', detail: 'no number' }, failures: 0, seenData: true },
      true,
      /had no data: no number/,
    ],
    ['fails when there was none at all', { gate: gate(), last: null, failures: 0, seenData: false }, true, /no data/],
    [
      'lets a gate that is to be ignored go without data',
      { gate: gate({ noData: 'Ignore' }), last: null, failures: 0, seenData: false },
      true,
      null,
    ],
  ])('%s', (_case, watch, over, expected) => {
    const sample = fatalSample(watch, over);
    if (expected === null) expect(sample).toBeNull();
    else expect(sample && gateSentence(sample)).toMatch(expected);
  });
});
