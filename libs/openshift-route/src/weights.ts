import { reduced } from '@scc/routing';
import { MAX_BACKEND_WEIGHT } from './limits.js';

/** How far whole numbers are from the shares that were wanted, as the sum of all differences. */
function errorOf(weights: readonly number[], wanted: readonly number[]): number {
  const total = weights.reduce((a, b) => a + b, 0);
  const all = wanted.reduce((a, b) => a + b, 0);
  return weights.reduce((sum, weight, index) => sum + Math.abs(weight / total - (wanted[index] ?? 0) / all), 0);
}

/** With the largest at `top`. What is to get requests gets some: no weight above 0 becomes 0. */
const scaledTo = (wanted: readonly number[], top: number): number[] => {
  const largest = Math.max(...wanted);
  return wanted.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.round((weight * top) / largest))));
};

/**
 * Whole numbers up to 256 in the same proportions: exact where that is possible, else with the least error.
 * @param wanted whole numbers from 0, not all of them 0
 */
export function fitting(wanted: readonly number[]): number[] {
  const exact = reduced(wanted);
  if (Math.max(...exact) <= MAX_BACKEND_WEIGHT) return exact;
  let best = scaledTo(exact, MAX_BACKEND_WEIGHT);
  for (let top = MAX_BACKEND_WEIGHT - 1; top >= 1; top--) {
    const next = scaledTo(exact, top);
    if (errorOf(next, exact) < errorOf(best, exact)) best = next;
  }
  return best;
}
