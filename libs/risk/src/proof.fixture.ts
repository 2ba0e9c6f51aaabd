import { brierScore, logLoss, type Scored } from './calibration.js';
import { type Example, fit } from './fit.js';
import { mean } from './numbers.js';

/** Helpers that the proofs of the model share. */

/** Deterministic numbers in [0, 1): a 32-bit generator (xorshift), so that a failing world can be looked at again. */
export function randomNumbers(seed: number): () => number {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bf03635) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

export function normalNumber(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Logistic regression without a prior; a trace of a ridge lets it end where the outcomes are separated. */
export function plainFit(examples: readonly Example[], ridge: number): readonly number[] {
  const size = (examples[0]?.x.length ?? 0) + 1;
  const prior = { mean: Array<number>(size).fill(0), precision: [1e-6, ...Array<number>(size - 1).fill(ridge)] };
  return fit(prior, examples, 'free').weights;
}

/** The probability that a failure is ranked above a success; ties count half. */
export function areaUnderCurve(scored: readonly Scored[]): number {
  const ordered = scored.toSorted((a, b) => a.probability - b.probability);
  let ranks = 0;
  for (let start = 0; start < ordered.length;) {
    let end = start + 1;
    while (ordered[end]?.probability === ordered[start]?.probability) end += 1;
    const failures = ordered.slice(start, end).filter(({ failed }) => failed).length;
    ranks += (failures * (start + 1 + end)) / 2;
    start = end;
  }
  const failures = scored.filter(({ failed }) => failed).length;
  return (ranks - (failures * (failures + 1)) / 2) / (failures * (scored.length - failures));
}

export interface Quality {
  auc: number;
  brier: number;
  logLoss: number;
}

export const qualityOf = (scored: readonly Scored[]): Quality => ({
  auc: areaUnderCurve(scored),
  brier: brierScore(scored),
  logLoss: logLoss(scored),
});

export const meanQuality = (all: readonly Quality[]): Quality => ({
  auc: mean(all.map(({ auc }) => auc)),
  brier: mean(all.map(({ brier }) => brier)),
  logLoss: mean(all.map((quality) => quality.logLoss)),
});
