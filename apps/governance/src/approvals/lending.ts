import type { ApprovalDecision, ApprovalNeed, EvaluationRequest } from '@scc/governance-api';
import { type Lender, RECORD_MS, type ReviewLender, type ReviewRights } from '../access/plan-rights.js';
import type { CallContext } from '../call/caller.js';
import type { Database } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import type { ApprovalDecisionEntity, ApprovalRequestEntity } from './approval.entity.js';
import { decisionsOf, openRequest } from './requests.js';

/** The need for an approver who lends what the author lacks; nothing when the plan does not ask for it. */
export function lendingNeed(
  { spec }: EvaluationRequest,
  { missing }: Pick<Awaited<ReturnType<ReviewRights>>, 'missing'>,
): ApprovalNeed[] {
  if (missing.length === 0 || !spec.approval.borrow) return [];
  const lends = missing.map(({ right }) => right);
  return [{ role: 'approver', count: 1, reason: `the author may not ${lends.join(', nor ')}`, lends }];
}

/** Whether enough people approved in each role, and every right that was asked for is lent. */
export function isGranted(
  { needs }: Pick<ApprovalRequestEntity, 'needs'>,
  decisions: readonly Pick<ApprovalDecisionEntity, 'decision' | 'role' | 'lends'>[],
): boolean {
  const approvals = decisions.filter(({ decision }) => decision === 'approve');
  const lent = new Set(approvals.flatMap(({ lends }) => lends));
  return needs.every(
    ({ role, count, lends = [] }) =>
      approvals.filter((approval) => approval.role === role).length >= count && lends.every((right) => lent.has(right)),
  );
}

/** The approvers who lend to the author of a plan, by the request that is open or granted now. */
export async function lendersOf(db: Database, { plan, spec }: EvaluationRequest, now: Date): Promise<Lender[]> {
  if (!spec.approval.borrow) return [];
  const open = await openRequest(db, plan.uid);
  if (!open) return [];
  const since = now.getTime() - RECORD_MS;
  const decisions = await decisionsOf(db, open.id);
  return decisions
    .filter(({ decision, lends, knownAs }) => decision === 'approve' && lends.length > 0 && knownAs !== null)
    .filter(({ decidedAt }) => decidedAt.getTime() >= since)
    .map(({ approver, knownAs, lends }) => lenderOf(approver, knownAs ?? undefined, lends));
}

const lenderOf = (username: string, knownAs: CallContext['knownAs'], lends: readonly string[]): Lender => ({
  username,
  uid: knownAs?.uid ?? '',
  groups: knownAs?.groups ?? [],
  extra: knownAs?.extra ?? {},
  lends,
});

/**
 * Checks that a caller may lend what they name: it is asked for, they are a user of the cluster, and they hold it.
 * @throws Refusal that says what is missing and who can give it
 */
export async function requireLendable(
  { decision, lends = [] }: ApprovalDecision,
  asked: { needs: readonly ApprovalNeed[]; request: EvaluationRequest },
  { actor, knownAs, isOfCluster }: CallContext,
  review: ReviewLender,
): Promise<void> {
  if (lends.length === 0) return;
  if (decision === 'refuse') throw new Refusal('invalid', 'lends: a plan that is refused is lent nothing');
  const wanted = asked.needs.flatMap((need) => need.lends ?? []);
  const strange = lends.find((right) => !wanted.includes(right));
  if (strange !== undefined) {
    const open = wanted.length > 0 ? `lend one of: ${wanted.join('; ')}` : 'the author lacks none';
    throw new Refusal('invalid', `lends: nothing asks for the right to ${strange}; ${open}`);
  }
  if (isOfCluster !== true)
    throw new Refusal(
      'forbidden',
      `${actor.name} is no user of the cluster, which knows no right of theirs: let an approver with a token of the cluster lend it, or approve without lending`,
    );
  const [first] = await review(lenderOf(actor.name, knownAs, lends), asked.request);
  if (first) throw new Refusal('forbidden', `${first.message}. ${first.remedy}`);
}
