import { z } from 'zod';
import type { Prior } from './fit.js';
import { inverse, logit, type Matrix } from './numbers.js';

/** The five signals of change risk, in the order of every vector. */
export const FACTORS = ['privilegeGap', 'blastRadius', 'criticality', 'failureHistory', 'timing'] as const;
export type FactorName = (typeof FACTORS)[number];

/** Counts changes of what the factors mean: outcomes of another schema train no model of this one. */
export const FEATURE_SCHEMA = 1;

/** How much each signal counts before anything was learned; they add up to 1. */
export const FIXED_WEIGHTS: Readonly<Record<FactorName, number>> = {
  privilegeGap: 0.3,
  blastRadius: 0.25,
  criticality: 0.2,
  failureHistory: 0.15,
  timing: 0.1,
};

/** The fixed weights' answer where no signal is raised at all, and where all of them are. */
const LEAST = 0.02;
const MOST = 0.6;

/** An outcome counts half after this time: what was learned fades, and the prior comes back. */
export const HALF_LIFE_DAYS = 180;

const numbers = z.array(z.number());

/** A model as it is stored: everything that an assessment depends on beside the signals. Vectors begin with the bias. */
export const riskModelSchema = z
  .object({
    featureSchema: z.literal(FEATURE_SCHEMA),
    kind: z.enum(['fixed', 'learned']),
    prior: z.object({ mean: numbers, precision: numbers }),
    weights: numbers,
    covariance: z.array(numbers),
    halfLifeDays: z.number().positive(),
    blastScale: z.number().positive().describe('The blast radius, in logarithms, that counts as 1.'),
    reference: numbers.describe('The factors of a usual plan: contributions are differences to it.'),
    evidence: z.object({
      outcomes: z.int(),
      effective: z.number().describe('The weight of the outcomes after fading and caps.'),
      from: z.string().nullable(),
      to: z.string().nullable(),
    }),
  })
  .refine(
    ({ prior, weights, covariance, reference }) =>
      [prior.mean, prior.precision, weights, covariance, ...covariance].every(
        ({ length }) => length === FACTORS.length + 1,
      ) && reference.length === FACTORS.length,
    { error: `a model has ${FACTORS.length} factors` },
  );
export type RiskModel = z.infer<typeof riskModelSchema>;

/** The parts of a model that a prediction needs, of however many factors. */
export interface LinearModel {
  readonly kind: 'fixed' | 'learned';
  readonly weights: readonly number[];
  readonly covariance: Matrix;
}

/** The prior that turns weights which add up to 1 into log-odds: 2 % where nothing is raised, 60 % where all is. */
export function priorOf(shares: readonly number[]): Prior {
  const slope = logit(MOST) - logit(LEAST);
  const weights = shares.map((share) => share * slope);
  const deviations = [1, ...weights.map((weight) => Math.max(0.3, 0.5 * weight))];
  return { mean: [logit(LEAST), ...weights], precision: deviations.map((deviation) => 1 / deviation ** 2) };
}

export const priorCovariance = ({ precision }: Prior): number[][] =>
  inverse(precision.map((value, k) => precision.map((_other, m) => (k === m ? value : 0))));

/** ln(1+200 pods) + ln(1+5,000 requests/s) + ln(1+50 callers), rounded: large for a cluster of which nothing is known. */
export const DEFAULT_BLAST_SCALE = 18;
/** A usual plan before any was seen. */
const DEFAULT_REFERENCE = [0.4, 0.4, 2 / 3, 0.5, 0.3];

/** Champion number 0: the seed's formula. */
export function fixedModel(): RiskModel {
  const prior = priorOf(FACTORS.map((name) => FIXED_WEIGHTS[name]));
  return {
    featureSchema: FEATURE_SCHEMA,
    kind: 'fixed',
    prior: { mean: [...prior.mean], precision: [...prior.precision] },
    weights: [...prior.mean],
    covariance: priorCovariance(prior),
    halfLifeDays: HALF_LIFE_DAYS,
    blastScale: DEFAULT_BLAST_SCALE,
    reference: [...DEFAULT_REFERENCE],
    evidence: { outcomes: 0, effective: 0, from: null, to: null },
  };
}
