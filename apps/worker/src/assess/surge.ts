import { z } from 'zod';

/** How a Deployment replaces its pods, as far as it needs room for more of them. */

const amountSchema = z.union([z.int(), z.string()]);
const strategySchema = z.looseObject({
  spec: z.looseObject({
    strategy: z
      .looseObject({
        type: z.string().default('RollingUpdate'),
        rollingUpdate: z
          .looseObject({ maxUnavailable: amountSchema.default('25%'), maxSurge: amountSchema.default('25%') })
          .nullish(),
      })
      .prefault({}),
  }),
});

/** A number of pods, as it is or in percent of all. */
function countOf(amount: number | string, replicas: number, round: (value: number) => number): number {
  if (typeof amount === 'number') return amount;
  return round((Number.parseFloat(amount) * replicas) / 100);
}

/**
 * How many pods a rollout adds before it takes one away: none where a pod may be unavailable, since that one goes first
 * wherever there is no room.
 */
export function surgeOf(deployment: unknown, replicas: number): number {
  const { strategy } = strategySchema.parse(deployment).spec;
  if (strategy.type !== 'RollingUpdate') return 0;
  const { maxUnavailable = '25%', maxSurge = '25%' } = strategy.rollingUpdate ?? {};
  const isOneAway = countOf(maxUnavailable, replicas, Math.floor) > 0;
  // Where both come to nothing, Kubernetes lets one pod be unavailable.
  return isOneAway || countOf(maxSurge, replicas, Math.ceil) === 0 ? 0 : 1;
}
