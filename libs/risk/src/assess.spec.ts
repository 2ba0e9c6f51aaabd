import { describe, expect, it } from '@jest/globals';
import { defaultSCCs, podTemplateSchema } from '@scc/scc';
import { assess } from './assess.js';
import { combineBands } from './bands.js';
import { calibrationReport, captureAtTop, type Scored, spiegelhalterZ, wilson } from './calibration.js';
import { criticalityOf } from './criticality.js';
import { factorsOf } from './factors.js';
import { historyFactor, NO_HISTORY } from './history.js';
import { fixedModel } from './model.js';
import { sigmoid, sum } from './numbers.js';
import { predict } from './predict.js';
import { privilegeSignal } from './privilege-signal.js';
import { randomNumbers } from './proof.fixture.js';
import { someSignals } from './risk.fixture.js';

const model = fixedModel();
const allAt = (value: number): number[] => model.reference.map(() => value);

describe('the fixed weights', () => {
  it('say 2 % where nothing is raised and 60 % where everything is', () => {
    expect(predict(model, allAt(0)).probability).toBeCloseTo(0.02, 12);
    expect(predict(model, allAt(1)).probability).toBeCloseTo(0.6, 12);
  });
  it('are the formula itself, without an average over other weights', () => {
    const { mu, probability } = predict(model, allAt(0.5));
    expect(probability).toBe(sigmoid(mu));
    expect(predict({ ...model, kind: 'learned' }, allAt(0.5)).probability).toBeGreaterThan(probability);
  });
});

describe('a factor', () => {
  const factor = (index: number, over: Parameters<typeof someSignals>[0]) =>
    factorsOf(someSignals(over), model)[index]!;
  it('blast radius adds logarithms, and only of the traffic that moves at once', () => {
    const blast = { pods: 10, requestsPerSecond: 100, dependents: 3, largestStep: 0.5 };
    const expected = (Math.log(11) + Math.log(51) + Math.log(4)) / model.blastScale;
    expect(factor(1, { blast }).x).toBeCloseTo(expected, 12);
    expect(factor(1, { blast })).toMatchObject({ spread: 0, isAssumed: false });
    expect(factor(1, { blast: { ...blast, dependents: null } })).toMatchObject({ isAssumed: true });
  });
  it('history is one half where a workload fails as often as all, and moves with its own outcomes', () => {
    expect(historyFactor(NO_HISTORY)).toBe(0.5);
    const good = { weight: 20, failures: 0 };
    const bad = { weight: 10, failures: 9 };
    const all = { weight: 100, failures: 10 };
    expect(historyFactor({ all, pair: all, namespace: good, workload: good })).toBeLessThan(0.4);
    expect(historyFactor({ all, pair: all, namespace: bad, workload: bad })).toBeGreaterThan(0.8);
  });
  it('timing rises with traffic, changes and a near end', () => {
    const at = (traffic: number, changesLastDay: number, hoursToSpare: number): number =>
      factor(4, { timing: { traffic, changesLastDay, hoursToSpare } }).x;
    expect(at(0, 0, 8)).toBe(0);
    expect(at(1, 10, 0)).toBe(1);
    expect(at(0, 0, 4)).toBeCloseTo(0.1, 12);
  });
});

describe('criticality', () => {
  const of = (workload: Record<string, string>, namespace: Record<string, string>, priority: string | null = null) =>
    criticalityOf({ workloadLabels: workload, namespaceLabels: namespace, priorityClassName: priority }).value;
  const label = 'scc.poc/criticality';
  it.each([
    ['the workload before its namespace', of({ [label]: 'low' }, { [label]: 'critical' }), 0],
    ['the namespace before the rest', of({}, { [label]: 'critical', environment: 'test' }), 1],
    ['the priority class', of({}, {}, 'system-node-critical'), 1],
    ['the environment', of({}, { environment: 'production' }), 2 / 3],
    ['nothing', of({}, {}), null],
    ['an unknown word', of({ [label]: 'urgent' }, { [label]: 'low' }), null],
  ])('is read from %s', (_name, value, expected) => expect(value).toBe(expected));
});

describe('an assessment', () => {
  it('keeps the two numbers apart and names the one that makes the band', () => {
    const gain = { ...someSignals().privilege, exposure: 0.9, gained: ['privileged containers', 'SELinux'], loss: 0 };
    const { changeRisk, changeBand, band, raisedBy, cheapestChange } = assess(model, someSignals({ privilege: gain }));
    expect({ changeBand, band, raisedBy }).toEqual({ changeBand: 'medium', band: 'critical', raisedBy: 'exposure' });
    expect(changeRisk).toBeLessThan(0.1);
    expect(cheapestChange).toBe('Choose a target SCC that does not give privileged containers.');
    expect(combineBands('high', 'high')).toEqual({ band: 'high', raisedBy: 'both' });
  });

  it('names the cheapest change that leaves the band, and none where none does', () => {
    const risky = {
      blast: { pods: 300, requestsPerSecond: 4000, dependents: 40, largestStep: 1 },
      criticality: { value: 1, from: 'a label' },
    };
    const { band, cheapestChange } = assess(model, someSignals(risky));
    expect({ band, cheapestChange }).toEqual({
      band: 'high',
      cheapestChange: 'Let the template say what the pods use, where they use nothing of what they lose.',
    });
    const busy = assess(model, someSignals({ ...risky, timing: { traffic: 1, changesLastDay: 10, hoursToSpare: 0 } }));
    expect(busy.cheapestChange).not.toBeNull();
    const everything = { ...someSignals().privilege, loss: 1, lossIfDeclared: 1 };
    const worst = {
      all: { weight: 50, failures: 5 },
      pair: { weight: 9, failures: 9 },
      namespace: { weight: 90, failures: 90 },
      workload: { weight: 90, failures: 90 },
    };
    expect(assess(model, someSignals({ ...risky, privilege: everything, history: worst })).cheapestChange).toBeNull();
  });

  it('says in words what each factor does to the odds', () => {
    const { factors } = assess(model, someSignals({ criticality: { value: null, from: 'nothing says so' } }));
    const words = Object.fromEntries(factors.map((one) => [one.factor, one.words]));
    expect(words['criticality']).toBe('As usual: nothing says so: assumed to be high.');
    expect(words['timing']).toMatch(/^Lowers the odds of failure by \d+ %: 1 other migration in the last day/);
    expect(words['privilegeGap']).toContain('does not say whether the pods use capabilities and seccomp');
  });

  it('widens when something is not known', () => {
    const width = ({ interval: [low, high] }: { interval: readonly [number, number] }): number => high - low;
    const unknown = assess(model, someSignals({ criticality: { value: null, from: '' } }));
    const known = assess(model, someSignals({ criticality: { value: 2 / 3, from: '' } }));
    expect(unknown.unknown).toEqual(['criticality']);
    expect(unknown.mu).toBe(known.mu);
    expect(width(unknown)).toBeGreaterThan(width(known));
  });
});

describe('the signal of a pair of SCCs', () => {
  const scc = (name: string) => defaultSCCs().find(({ metadata }) => metadata.name === name) ?? null;
  const template = podTemplateSchema.parse({ spec: { containers: [{ name: 'web' }] } });
  const pair = (sourceName: string | null, targetName: string, unbound = false) =>
    privilegeSignal({
      sourceName,
      unbound,
      targetName,
      source: sourceName === null ? null : scc(sourceName),
      target: scc(targetName),
      template,
    });
  it('treats pods under no SCC as free to do everything', () =>
    expect(pair(null, 'restricted-v2', true)).toMatchObject({ exposure: 0, unknown: [] }));
  it.each(['hostaccess', 'hostmount-anyuid', 'hostnetwork-v2', 'privileged'])(
    'counts a mixture as nothing where %s is gained',
    (target) => {
      const { exposure, loss, unknown } = pair(null, target);
      expect(exposure).toBeGreaterThanOrEqual(pair('restricted-v3', target).exposure);
      expect({ loss, unknown }).toEqual({ loss: null, unknown: ['the source SCC'] });
    },
  );
  it('expects the worst of an unknown SCC', () => {
    expect(pair('anyuid', 'mine')).toMatchObject({ loss: null, unknown: ['mine'] });
    expect(pair('anyuid', 'mine').exposure).toBeGreaterThan(0.7);
    expect(pair('mine', 'anyuid')).toMatchObject({ loss: null, unknown: ['mine'] });
    expect(pair('mine', 'privileged').exposure).toBe(1);
  });
  it('knows nothing of the loss without a template', () =>
    expect(
      privilegeSignal({
        ...{ sourceName: 'anyuid', targetName: 'restricted-v2', template: null },
        ...{ source: scc('anyuid'), target: scc('restricted-v2') },
      }),
    ).toMatchObject({ loss: null, exposure: 0 }));
});

describe('calibration', () => {
  /** Outcomes that happen just as often as is said. */
  function calibrated(count: number, stretch = 1): Scored[] {
    const random = randomNumbers(3);
    return Array.from({ length: count }, () => {
      const z = -2 + 2 * random();
      return { probability: sigmoid(z * stretch), failed: random() < sigmoid(z) };
    });
  }

  it('states nothing below 30 outcomes', () =>
    expect(calibrationReport(calibrated(29))).toMatchObject({ status: 'prior only', outcomes: 29, measures: null }));

  it('finds calibrated predictions calibrated', () => {
    const { measures } = calibrationReport(calibrated(4000));
    expect(measures?.calibration?.slope).toBeGreaterThan(0.8);
    expect(measures?.calibration?.slope).toBeLessThan(1.2);
    expect(Math.abs(measures?.spiegelhalterZ ?? 9)).toBeLessThan(2);
    expect(measures?.expectedCalibrationError).toBeLessThan(0.04);
    expect(measures?.brierSkill).toBeGreaterThan(0);
  });

  it('finds overconfident ones out', () => {
    const { measures } = calibrationReport(calibrated(4000, 2));
    expect(measures?.calibration?.slope).toBeLessThan(0.7);
    expect(Math.abs(measures?.spiegelhalterZ ?? 0)).toBeGreaterThan(4);
  });

  it('splits the Brier score into its parts', () => {
    const same = [0.1, 0.4].flatMap((probability, row) =>
      Array.from({ length: 50 }, (_none, index) => ({ probability, failed: index < (row + 1) * 10 })),
    );
    const { brier, murphy } = calibrationReport(same).measures ?? {};
    expect((murphy?.reliability ?? 0) - (murphy?.resolution ?? 0) + (murphy?.uncertainty ?? 0)).toBeCloseTo(brier!, 12);
    expect(sum(calibrationReport(same).measures?.reliability.map(({ count }) => count) ?? [])).toBe(100);
  });

  it('is defined where nothing or everything failed', () => {
    const never = Array.from({ length: 40 }, () => ({ probability: 0.1, failed: false }));
    expect(calibrationReport(never).measures).toMatchObject({
      brierSkill: null,
      calibration: null,
      captureAtTenth: null,
    });
    expect(spiegelhalterZ([{ probability: 0.5, failed: true }])).toBeNull();
  });

  it('knows the figures of the books', () => {
    const [low, high] = wilson(0, 10);
    expect(low).toBe(0);
    expect(high).toBeCloseTo(0.2775, 4);
    const ranked = Array.from({ length: 10 }, (_none, index) => ({ probability: index / 10, failed: index >= 8 }));
    expect(captureAtTop(ranked, 0.1)).toBe(0.5);
    expect(
      captureAtTop(
        ranked.map((one) => ({ ...one, probability: 0.5 })),
        0.1,
      ),
    ).toBeCloseTo(0.1, 12);
  });
});
