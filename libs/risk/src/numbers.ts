/** The few functions of probability and linear algebra that the model needs, written to stay finite at the ends. */

export const clamp = (value: number): number => Math.min(1, Math.max(0, value));

export const logit = (probability: number): number => Math.log(probability / (1 - probability));

/** Probability of log-odds; exactly 0 or 1 only where a double has nothing closer. */
export function sigmoid(z: number): number {
  if (z >= 0) return 1 / (1 + Math.exp(-z));
  const odds = Math.exp(z);
  return odds / (1 + odds);
}

/** −ln of the probability that log-odds `z` give to what happened: finite where the probability itself rounds to 0. */
export function surprise(z: number, failed: boolean): number {
  const against = failed ? -z : z;
  return against > 0 ? against + Math.log1p(Math.exp(-against)) : Math.log1p(Math.exp(against));
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
export const mean = (values: readonly number[]): number => sum(values) / values.length;

/** Element of a vector; a length that does not fit is an error of the caller, never a zero. */
export function at(vector: ArrayLike<number>, index: number): number {
  const value = vector[index];
  if (value === undefined) throw new RangeError(`no element ${index} in a vector of ${vector.length}`);
  return value;
}

export const dot = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} elements`);
  return a.reduce((total, value, index) => total + value * at(b, index), 0);
};

export type Matrix = readonly (readonly number[])[];

export function matrixRow(matrix: Matrix, index: number): readonly number[] {
  const row = matrix[index];
  if (!row) throw new RangeError(`no row ${index} in a matrix of ${matrix.length}`);
  return row;
}

/** xᵀ M x */
export const quadratic = (matrix: Matrix, x: readonly number[]): number =>
  dot(
    matrix.map((row) => dot(row, x)),
    x,
  );

/**
 * Inverse of a symmetric positive definite matrix.
 * @throws RangeError when it is not positive definite.
 */
export function inverse(matrix: Matrix): number[][] {
  const size = matrix.length;
  const lower = cholesky(matrix);
  const columns = matrix.map((_row, unit) => {
    const forward: number[] = [];
    for (let i = 0; i < size; i += 1) {
      const before = forward.reduce((total, value, k) => total + at(matrixRow(lower, i), k) * value, 0);
      forward.push((Number(i === unit) - before) / at(matrixRow(lower, i), i));
    }
    const column = Array<number>(size).fill(0);
    for (let i = size - 1; i >= 0; i -= 1) {
      let rest = at(forward, i);
      for (let k = i + 1; k < size; k += 1) rest -= at(matrixRow(lower, k), i) * at(column, k);
      column[i] = rest / at(matrixRow(lower, i), i);
    }
    return column;
  });
  // Rounding leaves the halves apart by some ulp; a covariance is symmetric to the bit.
  return columns.map((column, i) => column.map((value, k) => (k <= i ? value : at(columns[k] ?? [], i))));
}

function cholesky(matrix: Matrix): number[][] {
  const lower: number[][] = [];
  matrix.forEach((row, i) => {
    const current: number[] = [];
    for (let k = 0; k <= i; k += 1) {
      const above = k === i ? current : matrixRow(lower, k);
      let rest = at(row, k);
      for (let m = 0; m < k; m += 1) rest -= at(current, m) * at(above, m);
      if (k < i) current.push(rest / at(above, k));
      else if (rest > 0) current.push(Math.sqrt(rest));
      else throw new RangeError('the matrix is not positive definite');
    }
    lower.push(current);
  });
  return lower;
}

/** Total order of vectors by their elements. */
export function compareVectors(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let index = 0; index < a.length; index += 1) {
    const difference = at(a, index) - at(b, index);
    if (difference !== 0) return difference;
  }
  return 0;
}
