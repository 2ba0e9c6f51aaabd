import type { CampaignSpec, Member } from './campaign.js';

/** What of a member says which workload it is. */
export type MemberPlace = Pick<Member, 'namespace' | 'kind' | 'name'>;

export const memberKey = ({ namespace, kind, name }: MemberPlace): string => `${namespace}/${kind}/${name}`;

interface Approving {
  approvalRequired: boolean;
  approvals: CampaignSpec['approvals'];
  author: string | null;
}

/** Whether a wave may begin: its set needs no approval, or another user than the author approved this very set. */
export const isWaveApproved = (
  { approvalRequired, approvals, author }: Approving,
  wave: { number: number; hash: string },
): boolean =>
  !approvalRequired || approvals.some((one) => one.wave === wave.number && one.hash === wave.hash && one.by !== author);

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
