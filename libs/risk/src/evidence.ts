import type { Example } from './fit.js';
import { capShares } from './history.js';
import { sum } from './numbers.js';

/** The end of an assessed migration. */
export interface PastOutcome {
  readonly x: readonly number[];
  readonly failed: boolean;
  /** Age of the outcome in days when the model is fitted. */
  readonly ageDays: number;
  /** The author of the plan; `null` is one principal as well. */
  readonly principal: string | null;
}

/**
 * What each outcome counts for: half after each half-life, and together no more per principal than a twentieth of what
 * all others count for (3 at least). Made-up outcomes move what others are told by so much and no more.
 */
export function weighOutcomes(outcomes: readonly PastOutcome[], halfLifeDays: number): Example[] {
  const faded = outcomes.map(({ ageDays }) => 2 ** (-Math.max(0, ageDays) / halfLifeDays));
  const byPrincipal = new Map<string | null, number[]>();
  outcomes.forEach(({ principal }, index) => {
    const weights = byPrincipal.get(principal) ?? [];
    weights.push(faded[index] ?? 0);
    byPrincipal.set(principal, weights);
  });
  const principals = [...byPrincipal];
  // Sorted, so that the sums do not depend on the order of the outcomes.
  const shares = capShares(principals.map(([, weights]) => sum(weights.toSorted((a, b) => a - b))));
  const shareOf = new Map(principals.map(([principal], index) => [principal, shares[index] ?? 0]));
  return outcomes.map(({ x, failed, principal }, index) => ({
    x,
    failed,
    weight: (faded[index] ?? 0) * (shareOf.get(principal) ?? 0),
  }));
}
