import type { MigrationTarget } from '@scc/migration/contract';

type Sized = Pick<MigrationTarget, 'replicas' | 'canaryReplicas'>;

/** How many pods the canary has before it gets this share of the requests, in percent. */
export function canarySize({ replicas, canaryReplicas = 'Full' }: Sized, share: number): number {
  if (typeof canaryReplicas === 'number') return canaryReplicas;
  return canaryReplicas === 'Full' ? replicas : Math.max(1, Math.ceil((replicas * share) / 100));
}

/** How many pods the canary ever has: more cannot be asked of it. */
export const largestCanary = (target: Sized): number => canarySize(target, 100);
