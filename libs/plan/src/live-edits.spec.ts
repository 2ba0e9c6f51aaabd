import { describe, expect, it } from '@jest/globals';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { type LiveParts, loosenedBy } from './live-edits.js';
import { planSpecSchema } from './schema.js';

type Gates = Record<string, unknown>;
const parts = (gates: Gates = {}, interval = '1m'): LiveParts =>
  planSpecSchema.parse({
    workloadRef: { kind: 'Deployment', name: 'ledger' },
    targetSCC: 'restricted-v2',
    traffic: { interval },
    gates: { metrics: [], ...gates },
  });
const metric = (over: Gates = {}) => ({
  metrics: [{ name: 'success', preset: 'request-success-rate', min: 99, ...over }],
});
const hook = (over: Gates = {}) => ({
  webhooks: [{ name: 'smoke', url: 'https://a.example/x', at: 'BeforeShift', ...over }],
});

describe('an edit of a running plan', () => {
  it.each<[string, Gates, Gates]>([
    ['is the same', metric(), metric()],
    ['writes a default out', metric(), metric({ failureLimit: 2, interval: '15s', noData: 'Wait' })],
    ['raises a lower bound', metric(), metric({ min: 99.9 })],
    ['lowers an upper bound', metric({ max: 10 }), metric({ max: 9 })],
    ['sets a bound that was not there', metric(), metric({ max: 100 })],
    ['tolerates less', metric(), metric({ failureLimit: 0 })],
    ['looks more often', metric(), metric({ interval: '1s' })],
    ['takes missing data for a failure', metric(), metric({ noData: 'Fail' })],
    ['lets a gate count that was only tried', metric({ dryRun: true }), metric()],
    ['adds a gate', {}, metric()],
    ['adds a call', {}, hook()],
    ['waits less for a call', hook(), hook({ timeout: '1s' })],
    ['waits less for pods', { readiness: { timeout: '5m' } }, { readiness: { timeout: '1m' } }],
  ])('tightens when it %s', (_case, before, after) => expect(loosenedBy(parts(before), parts(after))).toEqual([]));

  it.each<[string, Gates, Gates, string]>([
    ['removes a gate', metric(), {}, 'spec.gates.metrics[success]: removed'],
    ['renames a gate', metric(), metric({ name: 'other' }), 'spec.gates.metrics[success]: removed'],
    ['lowers a lower bound', metric(), metric({ min: 90 }), 'spec.gates.metrics[success].min: 99 → 90'],
    ['drops a bound', metric({ max: 9 }), metric(), 'spec.gates.metrics[success].max: 9 → nothing'],
    ['raises an upper bound', metric({ max: 9 }), metric({ max: 10 }), 'spec.gates.metrics[success].max: 9 → 10'],
    ['tolerates more', metric(), metric({ failureLimit: 3 }), 'spec.gates.metrics[success].failureLimit: 2 → 3'],
    ['only tries a gate', metric(), metric({ dryRun: true }), 'spec.gates.metrics[success].dryRun: nothing → true'],
    [
      'compares instead',
      metric(),
      metric({ relativeTo: 'stable' }),
      'spec.gates.metrics[success].relativeTo: nothing → "stable"',
    ],
    ['looks less often', metric(), metric({ interval: '1m' }), 'spec.gates.metrics[success].interval: "15s" → "1m"'],
    [
      'forgives missing data',
      metric(),
      metric({ noData: 'Ignore' }),
      'spec.gates.metrics[success].noData: "Wait" → "Ignore"',
    ],
    [
      'measures something else',
      { metrics: [{ name: 'q', query: 'up', min: 1 }] },
      { metrics: [{ name: 'q', query: 'vector(100)', min: 1 }] },
      'spec.gates.metrics[q].query: "up" → "vector(100)"',
    ],
    ['drops a call', hook(), {}, 'spec.gates.webhooks[smoke]: removed'],
    [
      'calls later',
      hook(),
      hook({ at: 'AfterMigrate' }),
      'spec.gates.webhooks[smoke].at: "BeforeShift" → "AfterMigrate"',
    ],
    [
      'calls somebody else',
      hook(),
      hook({ url: 'https://b.example/x' }),
      'spec.gates.webhooks[smoke].url: "https://a.example/x" → "https://b.example/x"',
    ],
    ['waits longer for a call', hook(), hook({ timeout: '1m' }), 'spec.gates.webhooks[smoke].timeout: "10s" → "1m"'],
    [
      'waits longer for pods',
      { readiness: { timeout: '1m' } },
      { readiness: { timeout: '5m' } },
      'spec.gates.readiness.timeout: "1m" → "5m"',
    ],
  ])('loosens when it %s', (_case, before, after, expected) =>
    expect(loosenedBy(parts(before), parts(after))).toEqual([expected]),
  );

  it('loosens when weights are held more briefly, and not when they are held longer', () => {
    expect(loosenedBy(parts({}, '1m'), parts({}, '59s'))).toEqual(['spec.traffic.interval: "1m" → "59s"']);
    expect(loosenedBy(parts({}, '1m'), parts({}, '1h'))).toEqual([]);
  });

  it('loosens when it adds and removes, whatever else it tightens', () => {
    const gate = fc.record({
      min: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
      max: fc.constant(1_000),
      failureLimit: fc.nat(5),
      noData: fc.constantFrom('Wait', 'Fail', 'Ignore'),
    });
    fc.assert(
      fc.property(gate, gate, (before, after) => {
        const there = loosenedBy(parts(metric(before)), parts(metric(after)));
        const back = loosenedBy(parts(metric(after)), parts(metric(before)));
        // An edit that loosens nothing in either direction changes nothing.
        if (there.length === 0 && back.length === 0) expect(parts(metric(before))).toEqual(parts(metric(after)));
        // A tighter gate beside it does not make up for one gate less.
        expect(loosenedBy(parts(metric(before)), parts({}))).toEqual(['spec.gates.metrics[success]: removed']);
      }),
      cases(200),
    );
  });
});
