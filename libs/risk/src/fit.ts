import { at, compareVectors, inverse, matrixRow, sigmoid, surprise } from './numbers.js';

/** Beliefs before any outcome, bias first: means, and how firmly each is held (1 / variance). */
export interface Prior {
  readonly mean: readonly number[];
  readonly precision: readonly number[];
}

/** One outcome as the fit sees it. The weight is how much it still counts: 1 when new, less with age or by a cap. */
export interface Example {
  readonly x: readonly number[];
  readonly failed: boolean;
  readonly weight: number;
}

/** The belief after the outcomes: the most probable weights, bias first, and their covariance around it. */
export interface Posterior {
  readonly weights: number[];
  readonly covariance: number[][];
}

const MAX_STEPS = 100;
const TOLERANCE = 1e-10;
/** Differences of the loss below this part of it are rounding. */
const ROUNDING = 1e-13;

/** Examples in one block of memory, in an order that depends on their content alone: sums come out the same to the bit. */
interface Evidence {
  readonly rows: Float64Array;
  readonly size: number;
  readonly count: number;
  readonly failed: Uint8Array;
  readonly weight: Float64Array;
}

const compareExamples = (a: Example, b: Example): number =>
  compareVectors(a.x, b.x) || a.weight - b.weight || Number(a.failed) - Number(b.failed);

/** About half a millisecond of work. */
const ROWS_PER_SLICE = 512;

/** Sorts short runs and merges them two by two, with pauses. */
function* inOrder(examples: readonly Example[]): Generator<void, readonly Example[]> {
  let runs: Example[][] = [];
  for (let start = 0; start < examples.length; start += ROWS_PER_SLICE) {
    runs.push(examples.slice(start, start + ROWS_PER_SLICE).toSorted(compareExamples));
    yield;
  }
  while (runs.length > 1) {
    const merged: Example[][] = [];
    for (let index = 0; index < runs.length; index += 2)
      merged.push(yield* merge(runs[index] ?? [], runs[index + 1] ?? []));
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge(a: readonly Example[], b: readonly Example[]): Generator<void, Example[]> {
  const merged: Example[] = [];
  let [i, k] = [0, 0];
  for (;;) {
    const [first, second] = [a[i], b[k]];
    if (!first) return [...merged, ...b.slice(k)];
    if (!second) return [...merged, ...a.slice(i)];
    const takesFirst = compareExamples(first, second) <= 0;
    merged.push(takesFirst ? first : second);
    if (takesFirst) i += 1;
    else k += 1;
    if (merged.length % ROWS_PER_SLICE === 0) yield;
  }
}

function* evidenceOf(examples: readonly Example[], size: number): Generator<void, Evidence> {
  for (const { x, weight } of examples)
    if (x.length !== size - 1 || !x.every(Number.isFinite) || !(weight >= 0 && weight < Infinity))
      throw new RangeError('an example has other factors than the model, or is not a number');
  const ordered = yield* inOrder(examples);
  const rows = new Float64Array(ordered.length * size);
  ordered.forEach(({ x }, index) => {
    rows[index * size] = 1;
    rows.set(x, index * size + 1);
  });
  return {
    rows,
    size,
    count: ordered.length,
    failed: Uint8Array.from(ordered, ({ failed }) => Number(failed)),
    weight: Float64Array.from(ordered, ({ weight }) => weight),
  };
}

interface Curvature {
  /** −ln of the posterior, up to a constant: what the fit makes small. */
  loss: number;
  gradient: Float64Array;
  /** Row-major, symmetric. */
  hessian: Float64Array;
}

/** The prior as a parabola: where the sums of one pass begin. */
function priorCurvature({ mean, precision }: Prior, w: readonly number[]): Curvature {
  const size = w.length;
  const gradient = new Float64Array(size);
  const hessian = new Float64Array(size * size);
  let loss = 0;
  for (let k = 0; k < size; k += 1) {
    const offset = at(w, k) - at(mean, k);
    gradient[k] = at(precision, k) * offset;
    hessian[k * size + k] = at(precision, k);
    loss += 0.5 * at(precision, k) * offset * offset;
  }
  return { loss, gradient, hessian };
}

/** Loss, gradient and Hessian in one pass over the evidence. */
function* curvature(
  { rows, size, count, failed, weight }: Evidence,
  prior: Prior,
  w: readonly number[],
): Generator<void, Curvature> {
  const sums = priorCurvature(prior, w);
  const { gradient, hessian } = sums;
  for (let index = 0; index < count; index += 1) {
    if (index % ROWS_PER_SLICE === 0) yield;
    const start = index * size;
    let z = 0;
    for (let k = 0; k < size; k += 1) z += at(w, k) * at(rows, start + k);
    const r = at(weight, index);
    const y = at(failed, index);
    const p = sigmoid(z);
    const pull = r * (p - y);
    const bend = r * p * (1 - p);
    sums.loss += r * surprise(z, y === 1);
    for (let k = 0; k < size; k += 1) {
      const xk = at(rows, start + k);
      gradient[k] = at(gradient, k) + pull * xk;
      for (let m = 0; m <= k; m += 1)
        hessian[k * size + m] = at(hessian, k * size + m) + bend * xk * at(rows, start + m);
    }
  }
  for (let k = 0; k < size; k += 1)
    for (let m = k + 1; m < size; m += 1) hessian[k * size + m] = at(hessian, m * size + k);
  return sums;
}

/**
 * The step that minimises the local parabola while no weight falls below its bound, one coordinate after the other until
 * none moves.
 */
function boundedStep({ gradient, hessian }: Curvature, w: readonly number[], lowest: readonly number[]): number[] {
  const size = w.length;
  const step = Array<number>(size).fill(0);
  for (let sweep = 0; sweep < 1000; sweep += 1) {
    let moved = 0;
    for (let k = 0; k < size; k += 1) {
      let slope = at(gradient, k);
      for (let m = 0; m < size; m += 1) slope += at(hessian, k * size + m) * at(step, m);
      const free = at(step, k) - slope / at(hessian, k * size + k);
      const next = Math.max(free, at(lowest, k) - at(w, k));
      moved = Math.max(moved, Math.abs(next - at(step, k)));
      step[k] = next;
    }
    if (moved < 1e-14) break;
  }
  return step;
}

/** Weights are kept from falling below their bounds by rounding as well. */
const moved = (w: readonly number[], step: readonly number[], part: number, lowest: readonly number[]): number[] =>
  w.map((value, k) => Math.max(at(lowest, k), value + part * at(step, k)));

/** Which signs weights may have; the bias may always have both. */
export type Signs = 'nonNegative' | 'free';

/**
 * Finds the most probable weights given a prior and outcomes, with every weight but the bias at least zero unless signs
 * are free: no factor is ever believed to make a migration safer. The same evidence gives the same bits, in any order. Yields
 * often, so that a caller can let others run in between.
 */
export function* fitInSteps(
  prior: Prior,
  examples: readonly Example[],
  signs: Signs = 'nonNegative',
): Generator<void, Posterior> {
  const evidence = yield* evidenceOf(examples, prior.mean.length);
  const lowest = prior.mean.map((_mean, k) => (k === 0 || signs === 'free' ? -Infinity : 0));
  let w = prior.mean.map((value, k) => Math.max(at(lowest, k), value));
  let here = yield* curvature(evidence, prior, w);
  for (let count = 0; count < MAX_STEPS; count += 1) {
    const step = boundedStep(here, w, lowest);
    if (Math.max(...step.map(Math.abs)) < TOLERANCE) break;
    let part = 1;
    let next = moved(w, step, part, lowest);
    let there = yield* curvature(evidence, prior, next);
    const limit = here.loss + ROUNDING * Math.abs(here.loss);
    while (there.loss > limit && part > 1e-6) {
      part /= 2;
      next = moved(w, step, part, lowest);
      there = yield* curvature(evidence, prior, next);
    }
    if (there.loss > limit) break;
    w = next;
    here = there;
  }
  return { weights: w, covariance: covarianceOf(here.hessian, w, lowest) };
}

/** A weight at its bound cannot vary to both sides: its row is left out, and its variance is zero. */
function covarianceOf(hessian: Float64Array, w: readonly number[], lowest: readonly number[]): number[][] {
  const size = w.length;
  const free = w.flatMap((value, k) => (value > at(lowest, k) ? [k] : []));
  const inverted = inverse(free.map((k) => free.map((m) => at(hessian, k * size + m))));
  const covariance = w.map(() => Array<number>(size).fill(0));
  free.forEach((k, i) => {
    free.forEach((m, j) => {
      const row = covariance[k];
      if (row) row[m] = at(matrixRow(inverted, i), j);
    });
  });
  return covariance;
}

/** `fitting` without a pause. */
export function fit(prior: Prior, examples: readonly Example[], signs?: Signs): Posterior {
  const run = fitInSteps(prior, examples, signs);
  for (;;) {
    const { done, value } = run.next();
    if (done) return value;
  }
}
