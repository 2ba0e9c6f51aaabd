import type { RiskBand } from '@scc/plan';
import { changeRiskBand, type CombinedBand, combineBands, exposureBand } from './bands.js';
import { cheapestChange } from './changes.js';
import { factorsOf } from './factors.js';
import type { FactorName, RiskModel } from './model.js';
import { at, clamp } from './numbers.js';
import { predict } from './predict.js';
import { known, type Signals } from './signals.js';
import { wordsOf } from './words.js';

export interface FactorExplanation {
  readonly factor: FactorName;
  /** Null when a fact is missing; what was assumed is in `x` of the assessment. */
  readonly value: number | null;
  /** Log-odds that it adds to those of the reference plan: they add up exactly. */
  readonly contribution: number;
  readonly words: string;
}

/** Both numbers for one plan and everything that explains them. A function of the model and the signals alone. */
export interface RiskAssessment extends CombinedBand {
  readonly x: readonly number[];
  readonly spread: readonly number[];
  readonly unknown: readonly FactorName[];
  readonly mu: number;
  /** Log-odds of the reference plan. */
  readonly base: number;
  readonly changeRisk: number;
  readonly interval: readonly [number, number];
  readonly exposure: number;
  readonly changeBand: RiskBand;
  readonly exposureBand: RiskBand;
  readonly factors: readonly FactorExplanation[];
  readonly cheapestChange: string | null;
}

/** Where exposure makes the band, only another target helps: it is policy, and no timing or step changes it. */
function advice(model: RiskModel, signals: Signals, { band, raisedBy }: CombinedBand): string | null {
  if (band === 'low') return null;
  if (raisedBy === 'changeRisk') return cheapestChange(model, signals, band);
  const [weightiest] = signals.privilege.gained;
  return weightiest === undefined ? null : `Choose a target SCC that does not give ${weightiest}.`;
}

/** Assesses a plan: the learned probability that the migration fails or is undone, and the power that it gives. */
export function assess(model: RiskModel, signals: Signals): RiskAssessment {
  const factors = factorsOf(signals, model);
  const x = factors.map((factor) => factor.x);
  const spread = factors.map((factor) => factor.spread);
  const { mu, probability, interval } = predict(model, x, spread);
  const exposure = clamp(known(signals.privilege.exposure) ?? 1);
  const [change, exposed] = [changeRiskBand(mu), exposureBand(exposure)];
  const combined = combineBands(change, exposed);
  const weight = (index: number): number => at(model.weights, index + 1);
  return {
    ...combined,
    x,
    spread,
    unknown: factors.flatMap(({ name, isAssumed }) => (isAssumed ? [name] : [])),
    mu,
    base: model.reference.reduce((total, value, index) => total + weight(index) * value, at(model.weights, 0)),
    changeRisk: probability,
    interval,
    exposure,
    changeBand: change,
    exposureBand: exposed,
    factors: factors.map(({ name, isAssumed }, index) => {
      const contribution = weight(index) * (at(x, index) - at(model.reference, index));
      return {
        factor: name,
        value: isAssumed ? null : at(x, index),
        contribution,
        words: wordsOf(name, contribution, signals),
      };
    }),
    cheapestChange: advice(model, signals, combined),
  };
}
