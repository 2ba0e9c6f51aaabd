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

type Sharing = MemberPlace & Pick<Member, 'serviceAccount' | 'calls'>;

/** Pods of two workloads that share a ServiceAccount share its grants. */
export const accountKey = ({ namespace, serviceAccount }: Pick<Member, 'namespace' | 'serviceAccount'>): string =>
  `${namespace}/${serviceAccount}`;

/**
 * Whether two workloads are not to move at once: the grants of one ServiceAccount are those of the other's pods, and
 * what the change of one breaks shows in the figures of those that call it.
 */
export const areApart = (one: Sharing, other: Sharing): boolean =>
  accountKey(one) === accountKey(other) ||
  (one.calls?.includes(memberKey(other)) ?? false) ||
  (other.calls?.includes(memberKey(one)) ?? false);

/** The members of a wave that may begin now, in its order: no more than `maxConcurrent` run, and none beside one that it is kept apart from. */
export function startable<M extends Sharing>(
  waiting: readonly M[],
  running: readonly Sharing[],
  maxConcurrent: number,
): M[] {
  const chosen: M[] = [];
  for (const member of waiting) {
    if (running.length + chosen.length >= maxConcurrent) break;
    if (![...running, ...chosen].some((other) => areApart(member, other))) chosen.push(member);
  }
  return chosen;
}
