import { describe, expect, it } from '@jest/globals';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { type RiskAssessment, assess } from './assess.js';
import { RISK_BANDS } from '@scc/plan';
import { changeRiskBand, isHigher } from './bands.js';
import { weighOutcomes } from './evidence.js';
import { fit } from './fit.js';
import { FACTORS, fixedModel, type RiskModel, riskModelSchema } from './model.js';
import { dot } from './numbers.js';
import { predict } from './predict.js';
import { someSignals } from './risk.fixture.js';
import { type Signals, signalsSchema } from './signals.js';

/** More than 100,000 cases in all. */
const MANY = cases(55_000);

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const count = fc.oneof(fc.nat({ max: 10_000 }), fc.constant(null));
const tally = fc
  .tuple(fc.double({ min: 0, max: 500, noNaN: true }), unit)
  .map(([weight, rate]) => ({ weight, failures: weight * rate }));
const dimensions = fc.subarray(['root user', 'capabilities', 'seccomp', 'host namespaces']);

const signals: fc.Arbitrary<Signals> = fc.record({
  privilege: fc.record({
    loss: fc.oneof(unit, fc.constant(null)),
    lossIfDeclared: fc.oneof(unit, fc.constant(null)),
    spread: fc.double({ min: 0, max: 0.3, noNaN: true }),
    used: dimensions,
    undeclared: dimensions,
    exposure: unit,
    gained: dimensions,
    unknown: fc.subarray(['restricted-v2', 'anyuid']),
    evidence: fc.subarray(['app ran as user 0 by its image, seen in 1 of 1 pods']),
  }),
  blast: fc.record({ pods: count, requestsPerSecond: count, dependents: count, largestStep: unit }),
  criticality: fc.record({ value: fc.oneof(unit, fc.constant(null)), from: fc.constant('a label') }),
  history: fc.oneof(fc.record({ all: tally, pair: tally, namespace: tally, workload: tally }), fc.constant(null)),
  timing: fc.record({ traffic: fc.oneof(unit, fc.constant(null)), changesLastDay: count, hoursToSpare: count }),
});

/** Learned models: weights that a fit could have found, and covariances that are ones. */
const model: fc.Arbitrary<RiskModel> = fc
  .record({
    kind: fc.constantFrom('fixed' as const, 'learned' as const),
    bias: fc.double({ min: -6, max: 2, noNaN: true }),
    weights: fc.array(fc.oneof(fc.double({ min: 0, max: 6, noNaN: true }), fc.constant(0)), {
      minLength: FACTORS.length,
      maxLength: FACTORS.length,
    }),
    deviations: fc.array(fc.double({ min: 0.05, max: 1.5, noNaN: true }), {
      minLength: FACTORS.length + 1,
      maxLength: FACTORS.length + 1,
    }),
    reference: fc.array(unit, { minLength: FACTORS.length, maxLength: FACTORS.length }),
    blastScale: fc.double({ min: 5, max: 40, noNaN: true }),
  })
  .map(({ bias, weights, deviations, reference, blastScale, kind }) => ({
    ...fixedModel(),
    kind,
    weights: [bias, ...weights],
    covariance: deviations.map((one, row) =>
      deviations.map((other, column) => (row === column ? 1 : 0.3) * one * other),
    ),
    reference,
    blastScale,
  }));

const isValid = (assessment: RiskAssessment): boolean =>
  [assessment.mu, assessment.changeRisk, assessment.exposure, ...assessment.interval, ...assessment.x].every(
    Number.isFinite,
  ) &&
  assessment.interval[0] <= assessment.interval[1] &&
  assessment.x.every((value) => value >= 0 && value <= 1);

describe('any plan and any model', () => {
  it('no factor that rises lowers the log-odds or the band', () =>
    fc.assert(
      fc.property(
        model,
        fc.array(unit, { minLength: 5, maxLength: 5 }),
        fc.nat({ max: 4 }),
        unit,
        (learned, x, index, more) => {
          const raised = x.map((value, at) => (at === index ? Math.max(value, more) : value));
          const [before, after] = [x, raised].map((factors) => predict(learned, factors).mu);
          if (!(after! >= before! - 1e-12)) throw new Error(`${after} is less than ${before}`);
          if (after! > before! && isHigher(changeRiskBand(before!), changeRiskBand(after!)))
            throw new Error('the band fell');
        },
      ),
      MANY,
    ));

  it('contributions add up to the log-odds, and the two numbers make the band', () =>
    fc.assert(
      fc.property(model, signals, (learned, facts) => {
        const assessment = assess(learned, facts);
        const { base, mu, factors, band, changeBand, exposureBand } = assessment;
        const total = factors.reduce((sum, { contribution }) => sum + contribution, base);
        if (Math.abs(total - mu) > 1e-12 * Math.max(1, Math.abs(mu) * 10)) throw new Error(`${total} is not ${mu}`);
        const highest = Math.max(RISK_BANDS.indexOf(changeBand), RISK_BANDS.indexOf(exposureBand));
        if (RISK_BANDS.indexOf(band) !== highest) throw new Error('the band is not the higher one');
        if (!isValid(assessment)) throw new Error('a number is none');
      }),
      cases(15_000),
    ));

  it('comes out the same, bit for bit, after it was stored', () =>
    fc.assert(
      fc.property(model, signals, (learned, facts) => {
        const first = JSON.stringify(assess(learned, facts));
        const [storedModel, storedFacts] = [JSON.stringify(learned), JSON.stringify(facts)];
        const again = assess(
          riskModelSchema.parse(JSON.parse(storedModel)),
          signalsSchema.parse(JSON.parse(storedFacts)),
        );
        if (JSON.stringify(again) !== first) throw new Error('it differs');
      }),
      cases(8_000),
    ));

  it('what is not known widens the interval of the log-odds', () =>
    fc.assert(
      fc.property(model, fc.array(unit, { minLength: 5, maxLength: 5 }), fc.nat({ max: 4 }), (learned, x, index) => {
        const spread = x.map((_value, at) => (at === index ? 0.29 : 0));
        const [known, unknown] = [predict(learned, x), predict(learned, x, spread)];
        if (!(unknown.variance > known.variance)) throw new Error('it is as narrow as before');
        if (unknown.mu !== known.mu) throw new Error('the middle moved');
      }),
      cases(12_000),
    ));
});

describe('nonsense', () => {
  const odd = fc.constantFrom(NaN, Infinity, -Infinity, -1, 1e300, Number.MAX_VALUE);
  const nonsense: fc.Arbitrary<Signals> = fc.tuple(signals, odd, fc.nat({ max: 9 })).map(([facts, value, which]) => {
    const { privilege, blast, criticality, timing } = facts;
    const changed: Signals[] = [
      { ...facts, privilege: { ...privilege, loss: value } },
      { ...facts, privilege: { ...privilege, exposure: value } },
      { ...facts, privilege: { ...privilege, spread: value } },
      { ...facts, blast: { ...blast, pods: value } },
      { ...facts, blast: { ...blast, requestsPerSecond: value } },
      { ...facts, blast: { ...blast, dependents: value } },
      { ...facts, criticality: { ...criticality, value } },
      { ...facts, history: facts.history && { ...facts.history, workload: { weight: value, failures: value } } },
      { ...facts, timing: { ...timing, traffic: value } },
      { ...facts, timing: { ...timing, changesLastDay: value, hoursToSpare: value } },
    ];
    return changed[which]!;
  });

  it('is unknown and never a number', () =>
    fc.assert(
      fc.property(nonsense, (facts) => {
        const assessment = assess(fixedModel(), facts);
        if (!isValid(assessment)) throw new Error('a number is none');
      }),
      cases(10_000),
    ));

  const { privilege, blast, criticality, history, timing } = someSignals();
  it.each([
    ['privilegeGap', { privilege: { ...privilege, loss: NaN } }],
    ['blastRadius', { blast: { ...blast, pods: -1 } }],
    ['criticality', { criticality: { ...criticality, value: Infinity } }],
    ['failureHistory', { history: history && { ...history, workload: { weight: 1, failures: 2 } } }],
    ['timing', { timing: { ...timing, changesLastDay: 1e300 } }],
  ])('in %s is said to be unknown', (name, over) => {
    const { factors, unknown } = assess(fixedModel(), someSignals(over));
    expect(unknown).toEqual([name]);
    expect(factors.find(({ factor }) => factor === name)?.value).toBeNull();
  });
});

describe('outcomes', () => {
  const outcome = fc.record({
    x: fc.array(unit, { minLength: 5, maxLength: 5 }),
    failed: fc.boolean(),
    ageDays: fc.double({ min: 0, max: 1000, noNaN: true }),
    principal: fc.constantFrom('ana', 'bob', 'eve', null),
  });

  it('make the same model, bit for bit, in any order, and no weight is negative', () =>
    fc.assert(
      fc.property(
        fc
          .array(outcome, { minLength: 1, maxLength: 40 })
          .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([ordered, shuffled]) => {
          const { prior } = fixedModel();
          const [first, second] = [ordered, shuffled].map((all) => fit(prior, weighOutcomes(all, 180)));
          if (JSON.stringify(first) !== JSON.stringify(second)) throw new Error('they differ');
          if (first!.weights.slice(1).some((weight) => !(weight >= 0))) throw new Error('a weight is negative');
          if (!(dot(first!.weights, [1, 0, 0, 0, 0, 0]) < 10)) throw new Error('the bias ran away');
        },
      ),
      cases(1_000),
    ));
});
