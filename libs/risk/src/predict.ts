import type { LinearModel } from './model.js';
import { at, dot, quadratic, matrixRow, sigmoid } from './numbers.js';

/** 90 % of a normal distribution lie within this many standard deviations. */
const NINETY = 1.6448536269514722;

export interface Prediction {
  /** Log-odds of the most probable weights: what bands are decided on. */
  readonly mu: number;
  /** Variance of the log-odds, from the weights and from unknown facts. */
  readonly variance: number;
  /** Probability that the migration fails or is undone. */
  readonly probability: number;
  /** Where the probability lies with 90 %. */
  readonly interval: readonly [number, number];
}

/**
 * What a model says of a plan.
 * @param x factors in [0, 1], without the bias.
 * @param spread standard deviation of each factor: 0 where it is known.
 */
export function predict(
  { kind, weights, covariance }: LinearModel,
  x: readonly number[],
  spread: readonly number[] = x.map(() => 0),
): Prediction {
  const row = [1, ...x];
  const mu = dot(weights, row);
  const unknown = spread.reduce((total, deviation, index) => {
    const weight = at(weights, index + 1);
    const own = at(matrixRow(covariance, index + 1), index + 1);
    return total + deviation ** 2 * (weight ** 2 + own);
  }, 0);
  const variance = Math.max(0, quadratic(covariance, row)) + unknown;
  const deviation = NINETY * Math.sqrt(variance);
  return {
    mu,
    variance,
    // The seed's formula states its own number; a learned model averages over the weights that it holds possible.
    probability: sigmoid(kind === 'fixed' ? mu : mu / Math.sqrt(1 + (Math.PI * variance) / 8)),
    interval: [sigmoid(mu - deviation), sigmoid(mu + deviation)],
  };
}
