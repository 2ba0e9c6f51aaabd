import type { Member } from './campaign.js';

type Sharing = Pick<Member, 'namespace' | 'serviceAccount'>;

/** Pods of two workloads that share a ServiceAccount share its grants. */
export const accountKey = ({ namespace, serviceAccount }: Sharing): string => `${namespace}/${serviceAccount}`;

/**
 * The members of a wave that may begin now, in its order: no more than `maxConcurrent` run, and never two that share a
 * ServiceAccount, since the grants of one are those of the other.
 */
export function startable<M extends Sharing>(
  waiting: readonly M[],
  running: readonly Sharing[],
  maxConcurrent: number,
): M[] {
  const accounts = new Set(running.map(accountKey));
  const chosen: M[] = [];
  for (const member of waiting) {
    if (running.length + chosen.length >= maxConcurrent) break;
    if (accounts.has(accountKey(member))) continue;
    accounts.add(accountKey(member));
    chosen.push(member);
  }
  return chosen;
}
