const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * The same proportions in small whole numbers: with a sum of 100 where that is exact, else as small as they get.
 * @param weights whole numbers from 0
 */
export function reduced(weights: readonly number[]): number[] {
  const divisor = weights.reduce(gcd, 0);
  if (divisor === 0) return [...weights];
  const small = weights.map((weight) => weight / divisor);
  const sum = small.reduce((a, b) => a + b, 0);
  return 100 % sum === 0 ? small.map((weight) => (weight * 100) / sum) : small;
}

/** Other numbers of the same proportions: twice the smallest ones, or the smallest where these are others. */
export function respelled(weights: readonly number[]): number[] {
  const small = reduced(weights);
  return small.every((weight, index) => weight === weights[index]) ? small.map((weight) => weight * 2) : small;
}

/**
 * Divides one destination's weight between it and its canary. The unit is a hundredth of the weight's, so that the
 * result is exact; `reduced` makes it small again.
 * @param percent the canary's share, 0 to 100
 */
export const divided = (weight: number, percent: number): { stable: number; canary: number } => ({
  stable: weight * (100 - percent),
  canary: weight * percent,
});
