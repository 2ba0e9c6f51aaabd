import { PHASES } from './phases.js';
import { editViolations, parseSpec } from './rules.js';
import { planSpecSchema, type PlanSpecInput } from './schema.js';

const minimal = { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' } as const;

/** Code and field of each violation. */
const found = (input: unknown): [string, string][] => {
  const parsed = parseSpec(input);
  return parsed.ok ? [] : parsed.violations.map(({ code, field }) => [code, field]);
};
const rate = { name: 'rate', preset: 'request-success-rate', min: 99 } as const;
const metrics = (...gates: object[]): object => ({ gates: { metrics: gates } });

describe('parseSpec', () => {
  it.each<[string, object, [string, string][]]>([
    ['takes a plan that says no more than it must', {}, []],
    ['takes a patch of any shape', { podSecurity: { patch: { spec: { hostNetwork: null, x: [{ y: 1 }] } } } }, []],
    [
      'refuses a patch that is longer than anybody writes',
      { podSecurity: { patch: { metadata: { annotations: { long: 'x'.repeat(70_000) } } } } },
      [['PatchTooLarge', 'spec.podSecurity.patch']],
    ],
    [
      'refuses a patch of more containers than a pod has',
      {
        podSecurity: {
          patch: { spec: { containers: Array.from({ length: 101 }, (_none, at) => ({ name: `c${at}` })) } },
        },
      },
      [['PatchTooLarge', 'spec.podSecurity.patch']],
    ],
    [
      'refuses a kind that it does not know',
      { workloadRef: { kind: 'Shop', name: 'x' } },
      [['InvalidValue', 'spec.workloadRef.kind']],
    ],
    [
      'refuses a kind that no plan moves by its name',
      { workloadRef: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'x' } },
      [['KindNotMoved', 'spec.workloadRef.kind']],
    ],
    ['takes a header of testers', { traffic: { testers: { header: 'x-tester', value: 'yes' } } }, []],
    [
      'refuses a header that means something else, and a value that is none',
      { traffic: { testers: { header: 'cookie', value: 'a: b\r\n' } } },
      [
        ['InvalidValue', 'spec.traffic.testers.header'],
        ['InvalidValue', 'spec.traffic.testers.value'],
      ],
    ],
    ['takes a cookie for clients of the canary', { traffic: { affinity: { cookie: 'shop_side', maxAge: '5m' } } }, []],
    ['takes a cookie of the plan', { traffic: { affinity: {} } }, []],
    [
      'refuses a name that is none of a cookie',
      { traffic: { affinity: { cookie: 'a=b;', maxAge: '1h' } } },
      [['InvalidValue', 'spec.traffic.affinity.cookie']],
    ],
    [
      'refuses a cookie that is gone at once',
      { traffic: { affinity: { maxAge: '30s' } } },
      [['CookieLastsWrong', 'spec.traffic.affinity.maxAge']],
    ],
    [
      'refuses a cookie that is kept for days',
      { traffic: { affinity: { maxAge: '25h' } } },
      [['CookieLastsWrong', 'spec.traffic.affinity.maxAge']],
    ],
    ['takes the strategy of a kind', { strategy: { type: 'Canary' } }, []],
    ['takes a strategy that is left to the kind', { strategy: {} }, []],
    [
      'refuses a strategy of another kind',
      { strategy: { type: 'Ordered' } },
      [['StrategyDoesNotFit', 'spec.strategy.type']],
    ],
    [
      'refuses a canary of a StatefulSet',
      { workloadRef: { kind: 'StatefulSet', name: 'db' }, strategy: { type: 'Canary' } },
      [['StrategyDoesNotFit', 'spec.strategy.type']],
    ],
    [
      'takes the strategy of a DaemonSet',
      { workloadRef: { kind: 'DaemonSet', name: 'agent' }, strategy: { type: 'PerNode' } },
      [],
    ],
    [
      'refuses the strategy of a StatefulSet for a DaemonSet',
      { workloadRef: { kind: 'DaemonSet', name: 'agent' }, strategy: { type: 'Ordered' } },
      [['StrategyDoesNotFit', 'spec.strategy.type']],
    ],
    ['takes a CronJob', { workloadRef: { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly' } }, []],
    [
      'takes what a plan says of the runs of a CronJob',
      {
        workloadRef: { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly' },
        strategy: { type: 'NextRun', trialRun: true, waitForRun: '2h' },
      },
      [],
    ],
    [
      'refuses to watch a CronJob that has no pods',
      { workloadRef: { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly' }, bake: '10m' },
      [['StrategyDoesNotFit', 'spec.bake']],
    ],
    [
      'refuses what would do nothing for another kind',
      { strategy: { trialRun: true, waitForRun: '2h' } },
      [['StrategyDoesNotFit', 'spec.strategy.trialRun']],
    ],
    [
      'refuses a strategy that it does not know',
      { strategy: { type: 'Magic' } },
      [['InvalidValue', 'spec.strategy.type']],
    ],
    ['refuses a field that it does not know', { traffick: {} }, [['UnknownField', 'spec.traffick']]],
    ['refuses a field named as an inherited one', { constructor: {} }, [['UnknownField', 'spec.constructor']]],
    [
      'refuses one in the depth',
      metrics({ ...rate, intervall: '5s' }),
      [['UnknownField', 'spec.gates.metrics[0].intervall']],
    ],
    ['refuses a duration without a unit', { traffic: { interval: '60' } }, [['InvalidValue', 'spec.traffic.interval']]],
    [
      'refuses weights that do not rise',
      { traffic: { weights: [10, 50, 50, 100] } },
      [['WeightsDoNotRise', 'spec.traffic.weights[2]']],
    ],
    [
      'refuses weights that end early',
      { traffic: { weights: [10, 50] } },
      [['WeightsEndEarly', 'spec.traffic.weights[1]']],
    ],
    [
      'refuses a gate with two sources, or with none',
      metrics({ ...rate, query: 'up' }, { name: 'other', min: 1 }),
      [
        ['MetricSource', 'spec.gates.metrics[0]'],
        ['MetricSource', 'spec.gates.metrics[1]'],
      ],
    ],
    [
      'takes a number out of the answer of a server, and refuses to compare it with another side',
      metrics(
        { name: 'a', web: { url: 'https://a.example/', value: 'body.errors' }, max: 0 },
        { name: 'b', web: { url: 'https://a.example/', value: 'status' }, max: 100, relativeTo: 'stable' },
      ),
      [['GateCannotCompare', 'spec.gates.metrics[1].relativeTo']],
    ],
    [
      'refuses a gate that can never fail, or never pass',
      metrics({ name: 'a', query: 'up' }, { name: 'b', query: 'up', min: 2, max: 1 }),
      [
        ['MetricWithoutBound', 'spec.gates.metrics[0]'],
        ['MetricBounds', 'spec.gates.metrics[1]'],
      ],
    ],
    [
      'takes a gate that compares, by a preset or by a query of either side',
      metrics(
        { ...rate, relativeTo: 'stable' },
        { name: 'own', query: 'sum(errors{service=~"$services"})', max: 100, relativeTo: 'stable', dryRun: true },
      ),
      [],
    ],
    [
      'refuses one that asks the same of both sides',
      metrics({ name: 'own', query: 'sum(errors)', max: 100, relativeTo: 'stable' }),
      [['GateCannotCompare', 'spec.gates.metrics[0].relativeTo']],
    ],
    [
      'refuses one of a workload that has one side',
      { workloadRef: { kind: 'StatefulSet', name: 'db' }, ...metrics({ ...rate, relativeTo: 'stable' }) },
      [['GateCannotCompare', 'spec.gates.metrics[0].relativeTo']],
    ],
    ['takes a bake of a week', { bake: '168h' }, []],
    ['refuses a longer one', { bake: '169h' }, [['BakeTooLong', 'spec.bake']]],
    ['refuses two gates of one name', metrics(rate, rate), [['GateNameRepeated', 'spec.gates']]],
    [
      'refuses a schedule that cannot be kept',
      {
        schedule: {
          notBefore: 'tomorrow',
          windows: [
            { from: '02:00', to: '02:00' },
            { from: '22:00', to: '02:00', timeZone: 'Mars/Olympus' },
            { from: '22:00', to: '02:00', timeZone: '+01:00' },
          ],
        },
      },
      [
        ['NotATime', 'spec.schedule.notBefore'],
        ['EmptyWindow', 'spec.schedule.windows[0]'],
        ['UnknownTimeZone', 'spec.schedule.windows[1].timeZone'],
        ['UnknownTimeZone', 'spec.schedule.windows[2].timeZone'],
      ],
    ],
    [
      'says everything at once',
      { traffic: { weights: [50, 10] }, surprise: 1 },
      [
        ['UnknownField', 'spec.surprise'],
        ['WeightsDoNotRise', 'spec.traffic.weights[1]'],
        ['WeightsEndEarly', 'spec.traffic.weights[1]'],
      ],
    ],
  ])('%s', (_case, over, expected) => {
    expect(found({ ...minimal, ...over })).toEqual(expected);
  });

  it('names a reason and a remedy for each', () => {
    const parsed = parseSpec({ ...minimal, traffic: { weights: [50, 10] }, surprise: 1 });
    for (const { message, remedy } of parsed.ok ? [] : parsed.violations) expect([message, remedy]).not.toContain('');
  });
});

describe('a trial', () => {
  const trial = { duration: '1h' };
  it.each<[string, Partial<PlanSpecInput>, string[]]>([
    ['is of a canary', { trial }, []],
    [
      'is none of pods that move one by one',
      { trial, workloadRef: { kind: 'StatefulSet', name: 'db' } },
      ['spec.trial'],
    ],
    ['is none of a Deployment without a copy', { trial, strategy: { type: 'Rolling' } }, ['spec.trial']],
    ['has nothing to watch afterwards', { trial, bake: '1h' }, ['spec.bake']],
  ])('%s', (_case, over, expected) => {
    const parsed = parseSpec({ ...minimal, ...over });
    expect(parsed.ok ? [] : parsed.violations.map(({ field }) => field)).toEqual(expected);
  });
});

describe('editViolations', () => {
  const spec = (over: Partial<PlanSpecInput> = {}) => planSpecSchema.parse({ ...minimal, ...over });
  const fields = (over: Partial<PlanSpecInput>, phase: (typeof PHASES)[number] | undefined): string[] =>
    editViolations(spec(), spec(over), phase).map(({ field }) => field);

  it.each(PHASES.filter((phase) => phase !== 'Pending'))('fixes what the engine acts on: %s', (phase) => {
    expect(fields({ targetSCC: 'nonroot-v2' }, phase)).toEqual(['spec.targetSCC']);
    expect(fields({ traffic: { weights: [100] } }, phase)).toEqual(['spec.traffic.weights']);
    expect(fields({ suspend: true, traffic: { interval: '5s' }, gates: { metrics: [] } }, phase)).toEqual([]);
    const job = { name: 'smoke', from: { kind: 'CronJob' as const, name: 'smoke' }, at: 'BeforeShift' as const };
    expect(fields({ gates: { jobs: [job] } }, phase)).toEqual(['spec.gates.jobs']);
  });

  it('fixes nothing before the engine has looked at it', () => {
    expect(fields({ targetSCC: 'nonroot-v2' }, 'Pending')).toEqual([]);
    expect(fields({ targetSCC: 'nonroot-v2' }, undefined)).toEqual([]);
  });

  it('takes a default that is written out for no edit', () => {
    expect(fields({ dryRun: false, traffic: { mirror: { percentage: 100 } } }, 'Migrating')).toEqual([]);
  });
});
