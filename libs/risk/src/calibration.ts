import { fit } from './fit.js';
import { clamp, logit, mean, sum } from './numbers.js';

/** The prediction for a migration and its outcome. */
export interface Scored {
  readonly probability: number;
  readonly failed: boolean;
}

export interface ReliabilityBin {
  readonly count: number;
  readonly meanProbability: number;
  readonly failureRate: number;
  /** Wilson interval of the rate, 95 %. */
  readonly interval: readonly [number, number];
}

export interface CalibrationReport {
  /** With fewer outcomes only the prior speaks, and no figure is stated. */
  readonly status: 'prior only' | 'measured';
  readonly outcomes: number;
  readonly failures: number;
  readonly measures: CalibrationMeasures | null;
}

export interface CalibrationMeasures {
  readonly baseRate: number;
  readonly brier: number;
  /** Murphy's parts over the bins of the table: reliability − resolution + uncertainty is the Brier score up to the spread within bins. */
  readonly murphy: { readonly reliability: number; readonly resolution: number; readonly uncertainty: number };
  /** Against always saying the base rate; null when nothing or everything failed. */
  readonly brierSkill: number | null;
  readonly logLoss: number;
  /** The part of all failures that is among the riskiest tenth. */
  readonly captureAtTenth: number | null;
  /** Of a logistic regression of the outcome on the stated log-odds: 0 and 1 are perfect. */
  readonly calibration: { readonly intercept: number; readonly slope: number } | null;
  /** Beyond ±1.96 the probabilities do not fit the outcomes. */
  readonly spiegelhalterZ: number | null;
  readonly reliability: readonly ReliabilityBin[];
  /** Mean gap over ten bins of equal size; null below 200 outcomes, where it is mostly noise. */
  readonly expectedCalibrationError: number | null;
}

export const MEASURABLE_FROM = 30;
const ECE_FROM = 200;
const BINS = 10;
const Z95 = 1.959963984540054;

const outcomeOf = ({ failed }: Scored): number => Number(failed);

export const brierScore = (scored: readonly Scored[]): number =>
  mean(scored.map((one) => (one.probability - outcomeOf(one)) ** 2));

export const logLoss = (scored: readonly Scored[]): number =>
  mean(
    scored.map(
      ({ probability, failed }) => -Math.log(Math.max(Number.MIN_VALUE, failed ? probability : 1 - probability)),
    ),
  );

/** The part of the failures among the riskiest plans; plans of equal risk at the edge count in part. */
export function captureAtTop(scored: readonly Scored[], part: number): number | null {
  const failures = scored.filter(({ failed }) => failed).length;
  if (failures === 0) return null;
  const top = Math.ceil(part * scored.length);
  const edge = scored.map(({ probability }) => probability).toSorted((a, b) => b - a)[top - 1] ?? 0;
  const above = scored.filter(({ probability }) => probability > edge);
  const tied = scored.filter(({ probability }) => probability === edge);
  const failuresOf = (some: readonly Scored[]): number => some.filter(({ failed }) => failed).length;
  return (failuresOf(above) + (failuresOf(tied) * (top - above.length)) / tied.length) / failures;
}

export function wilson(failures: number, count: number): [number, number] {
  const rate = failures / count;
  const spread = Z95 ** 2 / count;
  const centre = (rate + spread / 2) / (1 + spread);
  const half = (Z95 / (1 + spread)) * Math.sqrt((rate * (1 - rate)) / count + spread / (4 * count));
  return [clamp(centre - half), clamp(centre + half)];
}

/** Bins of equal size, by rising probability; fewer than ten while there are few outcomes. */
function reliabilityOf(scored: readonly Scored[]): ReliabilityBin[] {
  const ordered = scored.toSorted((a, b) => a.probability - b.probability || outcomeOf(a) - outcomeOf(b));
  const bins = Math.max(1, Math.min(BINS, Math.floor(scored.length / 10)));
  return Array.from({ length: bins }, (_none, index) => {
    const some = ordered.slice(
      Math.round((index * ordered.length) / bins),
      Math.round(((index + 1) * ordered.length) / bins),
    );
    const failures = sum(some.map(outcomeOf));
    return {
      count: some.length,
      meanProbability: mean(some.map(({ probability }) => probability)),
      failureRate: failures / some.length,
      interval: wilson(failures, some.length),
    };
  });
}

/** Held loosely towards perfect calibration, so that the regression also ends where outcomes are separated. */
const LOOSE = { mean: [0, 1], precision: [0.01, 0.01] };

function recalibration(scored: readonly Scored[]): { intercept: number; slope: number } {
  const examples = scored.map(({ probability, failed }) => ({
    x: [logit(Math.min(1 - 1e-9, Math.max(1e-9, probability)))],
    failed,
    weight: 1,
  }));
  const [intercept = NaN, slope = NaN] = fit(LOOSE, examples, 'free').weights;
  return { intercept, slope };
}

export function spiegelhalterZ(scored: readonly Scored[]): number | null {
  const variance = sum(scored.map(({ probability: p }) => (1 - 2 * p) ** 2 * p * (1 - p)));
  const excess = sum(scored.map((one) => (outcomeOf(one) - one.probability) * (1 - 2 * one.probability)));
  return variance > 0 ? excess / Math.sqrt(variance) : null;
}

function measuresOf(scored: readonly Scored[]): CalibrationMeasures {
  const count = scored.length;
  const baseRate = mean(scored.map(outcomeOf));
  const uncertainty = baseRate * (1 - baseRate);
  const brier = brierScore(scored);
  const reliability = reliabilityOf(scored);
  const overBins = (gap: (bin: ReliabilityBin) => number): number =>
    sum(reliability.map((bin) => bin.count * gap(bin))) / count;
  return {
    baseRate,
    brier,
    murphy: {
      reliability: overBins(({ meanProbability, failureRate }) => (meanProbability - failureRate) ** 2),
      resolution: overBins(({ failureRate }) => (failureRate - baseRate) ** 2),
      uncertainty,
    },
    brierSkill: uncertainty > 0 ? 1 - brier / uncertainty : null,
    logLoss: logLoss(scored),
    captureAtTenth: captureAtTop(scored, 0.1),
    calibration: uncertainty > 0 ? recalibration(scored) : null,
    spiegelhalterZ: spiegelhalterZ(scored),
    reliability,
    expectedCalibrationError:
      count >= ECE_FROM
        ? overBins(({ meanProbability, failureRate }) => Math.abs(meanProbability - failureRate))
        : null,
  };
}

/** Holds what was said against what happened. */
export function calibrationReport(scored: readonly Scored[]): CalibrationReport {
  const failures = scored.filter(({ failed }) => failed).length;
  return scored.length < MEASURABLE_FROM
    ? { status: 'prior only', outcomes: scored.length, failures, measures: null }
    : { status: 'measured', outcomes: scored.length, failures, measures: measuresOf(scored) };
}
