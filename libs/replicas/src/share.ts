/**
 * How many canary pods join the Service so that their share of its ready endpoints is nearest to what is asked. Whoever
 * asks for a share between nothing and everything gets at least one pod, and never more than the canary has: no weight
 * asks for more pods than stand there anyway.
 * @param percent above 0 and below 100
 * @param stable ready pods of the workload
 * @param canary ready pods of its canary
 */
export function joinedFor(percent: number, { stable, canary }: { stable: number; canary: number }): number {
  let best = 1;
  for (let count = 2; count <= canary; count++)
    if (Math.abs(shareOf(count, stable) - percent) < Math.abs(shareOf(best, stable) - percent)) best = count;
  return best;
}

/** The share of new connections that so many pods beside the stable ones get, in percent with two decimals. */
export const shareOf = (joined: number, stable: number): number =>
  joined + stable === 0 ? 0 : Math.round((10_000 * joined) / (joined + stable)) / 100;

/** The share that each weight of a plan comes to, as a dry run says it. */
export function sharesAhead(weights: readonly number[], stable: number, canaryAt: (weight: number) => number) {
  return weights.map((weight) => {
    if (weight === 0 || weight === 100) return { weight, share: weight };
    return { weight, share: shareOf(joinedFor(weight, { stable, canary: canaryAt(weight) }), stable) };
  });
}
