import { type EntityManager, IsNull } from 'typeorm';
import { appendAudit } from '../audit/append.js';
import { type CallContext, type KnownAs, SYSTEM } from '../call/caller.js';
import { type MigrationRow, planObject } from '../plans/store.js';
import { ApprovalDecisionEntity, ApprovalRequestEntity } from './approval.entity.js';
import { BreakGlassEntity } from './break-glass.entity.js';
import { isGranted } from './lending.js';
import { decisionsOf, endRequest, openRequest } from './requests.js';

type Plan = Pick<MigrationRow, 'planUid' | 'namespace' | 'name'>;

/** Closes what is open of a plan that will run no more: it leaves the inbox, and grants nothing from now on. */
export async function closeRequests(
  tx: EntityManager,
  plan: Plan,
  { reason, now }: { reason: string; now: Date },
): Promise<void> {
  const open = await openRequest(tx, plan.planUid);
  if (!open) return;
  const status = open.status === 'granted' ? 'closed' : 'withdrawn';
  await endRequest(tx, open, { plan, status, reason }, { requestId: null, now });
}

/** A migration begins under what was granted: from now on the grant ends with it and not with its time. */
export async function beginUnder(
  tx: EntityManager,
  { planUid, namespace, name, contentHash }: Plan & { contentHash: string },
  { requestId, now }: Pick<CallContext, 'requestId' | 'now'>,
): Promise<void> {
  const requests = tx.getRepository(ApprovalRequestEntity);
  const begun = await requests.findOneBy({ planUid, contentHash, status: 'granted', begunAt: IsNull() });
  if (!begun) return;
  await requests.update({ id: begun.id }, { begunAt: now });
  await appendAudit(tx, {
    actor: { name: SYSTEM.name },
    action: 'approval.begun',
    object: planObject({ namespace, name }),
    requestId,
    details: { uid: planUid, request: begun.id, contentHash, at: now.toISOString() },
  });
}

/** Whether a person holds a role in a namespace now. Throws when that cannot be asked. */
export type HoldsRole = (approver: { name: string } & KnownAs, role: string, namespace: string) => Promise<boolean>;

/**
 * Takes back the approvals of people who have lost the role since. A granted request is open again when too few are
 * left. Uses of break-glass stay: they are reviewed instead.
 * @returns who no longer counts, in words; null when everybody does.
 */
export async function withdrawLapsed(
  tx: EntityManager,
  plan: Plan,
  holds: HoldsRole,
  { requestId, now }: CallContext,
): Promise<string | null> {
  const open = await openRequest(tx, plan.planUid);
  if (open?.status !== 'granted') return null;
  if (await tx.getRepository(BreakGlassEntity).existsBy({ requestId: open.id })) return null;
  const lapsed: ApprovalDecisionEntity[] = [];
  for (const made of await decisionsOf(tx, open.id)) {
    const known = made.knownAs ?? { groups: [], uid: null, extra: {} };
    if (made.decision === 'approve' && !(await holds({ name: made.approver, ...known }, made.role, plan.namespace)))
      lapsed.push(made);
  }
  if (lapsed.length === 0) return null;
  for (const { id, approver, role } of lapsed) {
    await tx.getRepository(ApprovalDecisionEntity).update({ id }, { withdrawnAt: now });
    await appendAudit(tx, {
      actor: { name: SYSTEM.name },
      action: 'approval.lapsed',
      object: planObject(plan),
      requestId,
      details: { uid: plan.planUid, request: open.id, contentHash: open.contentHash, approver, role },
    });
  }
  if (isGranted(open, await decisionsOf(tx, open.id))) return null;
  await tx.getRepository(ApprovalRequestEntity).update({ id: open.id }, { status: 'pending', decidedAt: null });
  const who = lapsed.map(({ approver, role }) => `${approver} is no longer ${role} in ${plan.namespace}`).join('; ');
  return `an approval counts no longer: ${who}. Let another approver approve the plan`;
}
