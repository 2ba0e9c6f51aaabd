import { type EntityManager, MoreThanOrEqual } from 'typeorm';
import { type RightsReview, unlent } from '../access/plan-rights.js';
import { lendingNeed } from '../approvals/lending.js';
import { ApprovalRequestEntity } from '../approvals/approval.entity.js';
import { isAskedAgain, mergeNeeds, needsWithoutAuthor, openRequest, requireApproval } from '../approvals/requests.js';
import type { CallContext } from '../call/caller.js';
import type { StoredEvaluation } from '../plans/store.js';
import { type Question, questionOf } from './question.js';
import type { SCCChange } from './scc-change.js';

interface Lost {
  evaluation: StoredEvaluation;
  reviewed: RightsReview;
  /** Since when the step waits for a right; null when it did not before. */
  since: Date | null;
}

/**
 * Asks approvers to lend a right that was lost since the plan was evaluated, by a request that names it, when the plan
 * may borrow. A right that is back at the next look costs nobody an approval. When the right is held again, what was
 * asked for the loss alone is asked no longer. Call with the migration locked.
 * @returns whether an approval is waited for
 */
export async function askAgain(
  tx: EntityManager,
  { evaluation, reviewed, since }: Lost,
  context: Pick<CallContext, 'requestId' | 'now'>,
): Promise<boolean> {
  const { plan, spec } = evaluation.request;
  const { contentHash, needs } = await questionOf(tx, evaluation);
  const { uid: planUid, namespace, name, author, editors } = plan;
  const asked = { planUid, namespace, name, contentHash, author, editors };
  const open = await openRequest(tx, planUid);
  if (unlent(reviewed).length === 0) {
    if (!open || !isAskedAgain(open) || reviewed.missing.length > 0) return open?.status === 'pending';
    const again = 'the right that was lost is held again';
    await requireApproval(tx, { ...asked, needs, again }, context);
    return needs.length > 0;
  }
  if (!spec.approval.borrow || since === null) return false;
  const lent = needsWithoutAuthor(lendingNeed(evaluation.request, reviewed), author);
  const again = `it was lost while the migration ran: ${lent.map(({ reason }) => reason).join('; ')}`;
  await requireApproval(tx, { ...asked, needs: mergeNeeds([...needs, ...lent]), again }, context);
  return true;
}

/**
 * Asks approvers again whether the plan may go on to a target that permits more by now, once for each change of it.
 * @returns whether it was asked just now
 */
export async function askAboutChange(
  tx: EntityManager,
  { evaluation, question, change }: { evaluation: StoredEvaluation; question: Question; change: SCCChange },
  context: Pick<CallContext, 'requestId' | 'now'>,
): Promise<boolean> {
  const { uid: planUid, namespace, name, author, editors } = evaluation.request.plan;
  const { contentHash, needs } = question;
  const requests = tx.getRepository(ApprovalRequestEntity);
  if (await requests.existsBy({ planUid, contentHash, requestedAt: MoreThanOrEqual(change.since) })) return false;
  const asked = { planUid, namespace, name, contentHash, author, editors, needs };
  await requireApproval(tx, { ...asked, again: change.loosened ?? 'the target was changed' }, context);
  return true;
}
