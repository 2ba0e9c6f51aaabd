import type { ApprovalNeed, ApprovalState } from '@scc/governance-api';
import type { PlanRef } from '@scc/plan';
import { type EntityManager, In, IsNull, LessThan } from 'typeorm';
import { appendAudit, type AuditRecord } from '../audit/append.js';
import { type CallContext, SYSTEM } from '../call/caller.js';
import type { Scope } from '../call/scope.js';
import { type Database, newRow } from '../database/rows.js';
import { inScope, matching } from '../paging/filters.js';
import { type MigrationRow, planObject } from '../plans/store.js';
import { ApprovalDecisionEntity, ApprovalRequestEntity } from './approval.entity.js';

/** How long an approval, asked for or given, stays good. */
const APPROVAL_TTL_MS = 24 * 60 * 60 * 1000;

/** The decisions that count, in the order in which they were made. */
export const decisionsOf = (db: Database, requestId: string): Promise<ApprovalDecisionEntity[]> =>
  db.getRepository(ApprovalDecisionEntity).find({ where: { requestId, withdrawnAt: IsNull() }, order: { id: 'ASC' } });

/** Several policies may ask for the same role: the largest number is enough, and each reason is kept. */
export function mergeNeeds(needs: readonly ApprovalNeed[]): ApprovalNeed[] {
  const byRole = new Map<string, ApprovalNeed>();
  for (const need of needs) {
    const known = byRole.get(need.role);
    const reason = known && !known.reason.includes(need.reason) ? `${known.reason}; ${need.reason}` : need.reason;
    const lends = [...new Set([...(known?.lends ?? []), ...(need.lends ?? [])])];
    const count = Math.max(known?.count ?? 0, need.count);
    byRole.set(need.role, { role: need.role, count, reason, ...(lends.length > 0 ? { lends } : {}) });
  }
  return [...byRole.values()];
}

const SERVICE_ACCOUNT = 'system:serviceaccount:';
export const isServiceAccount = (user: string | null): boolean => user?.startsWith(SERVICE_ACCOUNT) ?? false;

/**
 * The author never approves. When the author is unknown, or a ServiceAccount behind which a person stands, any one
 * approver may be that person, in any role: one more person in each makes sure that enough others agreed.
 */
export function needsWithoutAuthor(needs: readonly ApprovalNeed[], author: string | null): ApprovalNeed[] {
  return mergeNeeds(needs).map((need) =>
    author === null || isServiceAccount(author)
      ? {
          ...need,
          count: need.count + 1,
          reason: `${need.reason}; one more because the author is ${author === null ? 'unknown' : 'a ServiceAccount'}`,
        }
      : need,
  );
}

export interface NeededApproval {
  planUid: string;
  namespace: string;
  name: string;
  contentHash: string;
  author: string | null;
  /** Everybody else who edited what the plan would do. */
  editors: string[];
  needs: ApprovalNeed[];
  /** Why another question is no longer asked; that the plan has changed, unless said. */
  changed?: string;
  /** Why the same is asked again although it was granted. */
  again?: string;
}

/**
 * Brings the open request in line with what is needed now: the same question stays open with its answers, another
 * question withdraws it. Call with the migration locked.
 */
export async function requireApproval(
  tx: EntityManager,
  needed: NeededApproval,
  context: Pick<CallContext, 'requestId' | 'now'>,
): Promise<void> {
  const { now } = context;
  const open = await openRequest(tx, needed.planUid);
  const end = (status: 'expired' | 'withdrawn', reason: string): Promise<void> =>
    open ? endRequest(tx, open, { plan: needed, status, reason }, context) : Promise.resolve();
  if (open && isOver(open, now)) await end('expired', 'it was not decided in time');
  else if (open && isSame(open, needed) && !(needed.again && open.status === 'granted'))
    return addEditors(tx, open, needed, context);
  else if (open) await end('withdrawn', whyAgain(needed));
  else if (await isRefused(tx, needed)) return;
  if (needed.needs.length === 0) return;
  const expiresAt = new Date(now.getTime() + APPROVAL_TTL_MS);
  const { namespace: _namespace, name: _name, changed: _changed, again, ...content } = needed;
  const requests = tx.getRepository(ApprovalRequestEntity);
  const made = requests.create({ ...content, reason: again ?? null, requestedAt: now, expiresAt });
  await requests.insert(newRow<ApprovalRequestEntity>(made));
  const { planUid: uid, ...asked } = content;
  await audited(tx, needed, context, {
    action: 'approval.requested',
    details: {
      ...{ uid, request: made.id, ...asked, expiresAt: expiresAt.toISOString() },
      ...{ needs: asked.needs.map((need) => ({ ...need })), asked: again ?? null, at: now.toISOString() },
    },
  });
}

const whyAgain = ({ again, changed }: NeededApproval): string =>
  again ?? changed ?? 'the plan or what it would do has changed';

/** Writes what governance does with a request of itself into the audit log. */
async function audited(
  tx: EntityManager,
  plan: Pick<MigrationRow, 'namespace' | 'name'>,
  { requestId }: Pick<CallContext, 'requestId'>,
  { action, details }: Pick<AuditRecord, 'action' | 'details'>,
): Promise<void> {
  await appendAudit(tx, { actor: { name: SYSTEM.name }, action, object: planObject(plan), requestId, details });
}

interface Ending {
  plan: Pick<MigrationRow, 'planUid' | 'namespace' | 'name'>;
  status: 'expired' | 'withdrawn' | 'closed';
  reason: string;
}

/** Ends a request that people may still be looking at, for a reason that is written down. */
export async function endRequest(
  tx: EntityManager,
  { id, contentHash, status: was }: ApprovalRequestEntity,
  { plan, status, reason }: Ending,
  context: Pick<CallContext, 'requestId' | 'now'>,
): Promise<void> {
  await close(tx, id, { status, reason }, context.now);
  await audited(tx, plan, context, {
    action: 'approval.closed',
    details: { uid: plan.planUid, request: id, contentHash, was, status, reason, at: context.now.toISOString() },
  });
}

/** Editors of the plan since, to the same content, count as authors too. */
async function addEditors(
  tx: EntityManager,
  { id, editors }: ApprovalRequestEntity,
  plan: NeededApproval,
  context: Pick<CallContext, 'requestId' | 'now'>,
): Promise<void> {
  const all = [...new Set([...editors, ...plan.editors])];
  if (all.length === editors.length) return;
  await tx.getRepository(ApprovalRequestEntity).update({ id }, { editors: all });
  await audited(tx, plan, context, {
    action: 'approval.edited',
    details: { uid: plan.planUid, request: id, editors: all },
  });
}

/** Asking the same again does not undo a refusal. */
const isRefused = (tx: EntityManager, { planUid, contentHash }: NeededApproval): Promise<boolean> =>
  tx.getRepository(ApprovalRequestEntity).existsBy({ planUid, contentHash, status: 'refused' });

const sizeOf = (needs: readonly ApprovalNeed[]): string =>
  needs
    .map(({ role, count, lends = [] }) => `${role}=${count} ${lends.toSorted().join()}`)
    .sort()
    .join();

const isSame = (open: ApprovalRequestEntity, needed: NeededApproval): boolean =>
  open.contentHash === needed.contentHash && sizeOf(open.needs) === sizeOf(needed.needs);

export const openRequest = (db: Database, planUid: string): Promise<ApprovalRequestEntity | null> =>
  db.getRepository(ApprovalRequestEntity).findOneBy({ planUid, status: In(['pending', 'granted']) });

export async function close(
  tx: EntityManager,
  id: string,
  { status, reason }: { status: Exclude<ApprovalRequestEntity['status'], 'pending'>; reason: string | null },
  now: Date,
): Promise<void> {
  await tx
    .getRepository(ApprovalRequestEntity)
    .createQueryBuilder()
    .update()
    .set({ status, reason, decidedAt: () => 'coalesce(decided_at, :now)' })
    .where({ id })
    .setParameters({ now })
    .execute();
}

/** Whether a request waits that was made in the middle of a migration: nothing else waits for a reason. */
export const isAskedAgain = ({ status, reason }: { status: string; reason: string | null }): boolean =>
  status === 'pending' && reason !== null;

/** The state of the newest request for exactly this content; `pending` before the first one. */
export async function approvalStateFor(
  db: Database,
  { planUid, contentHash, needs }: Pick<NeededApproval, 'planUid' | 'contentHash' | 'needs'>,
  now: Date,
): Promise<ApprovalState> {
  const request = await db
    .getRepository(ApprovalRequestEntity)
    .findOne({ where: { planUid, contentHash }, order: { id: 'DESC' } });
  if (needs.length === 0 && !(request && isAskedAgain(request)))
    return { status: 'notRequired', needs: [], by: [], reason: null, expiresAt: null };
  if (!request)
    return {
      status: 'pending',
      needs: needs.map((need) => ({ ...need, granted: 0 })),
      by: [],
      reason: null,
      expiresAt: null,
    };
  const decisions = await decisionsOf(db, request.id);
  return approvalStateOf(request, decisions, now);
}

export interface ApprovalRow extends ApprovalState {
  id: string;
  plan: { uid: string; namespace: string; name: string; author: string | null };
  /** The object of a decision; it has to name it. */
  contentHash: string;
  requestedAt: string;
}

export interface RequestFilter {
  status?: ApprovalRequestEntity['status'] | undefined;
  namespace?: string | undefined;
  /** The uid of a plan. */
  plan?: string | undefined;
}

/** Approval requests, newest first; one page after the given id. */
export async function listRequests(
  db: Database,
  { status, namespace, plan }: RequestFilter,
  { limit, after, scope }: { limit: number; after: string | null; scope: Scope },
  now: Date,
): Promise<ApprovalRow[]> {
  const query = db
    .getRepository(ApprovalRequestEntity)
    .createQueryBuilder('r')
    .innerJoinAndSelect('r.migration', 'm')
    .orderBy('r.id', 'DESC')
    .limit(limit);
  matching(query, { status, planUid: plan });
  if (after !== null) query.andWhere({ id: LessThan(after) });
  if (namespace !== undefined) query.andWhere('m.namespace = :namespace', { namespace });
  const rows = await inScope(query, 'm.namespace', scope).getMany();
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      plan: { ...planOfRequest(row), author: row.author },
      contentHash: row.contentHash,
      requestedAt: row.requestedAt.toISOString(),
      ...approvalStateOf(row, await decisionsOf(db, row.id), now),
    })),
  );
}

/** The plan of a request that was read with its migration. */
export function planOfRequest({ planUid: uid, migration }: ApprovalRequestEntity): PlanRef {
  if (!migration) throw new Error(`the approval request of ${uid} was read without its migration`);
  return { uid, namespace: migration.namespace, name: migration.name };
}

/** The state that a request and its decisions mean at a time: expiry needs no sweep to take effect. */
export function approvalStateOf(
  request: ApprovalRequestEntity,
  decisions: readonly ApprovalDecisionEntity[],
  now: Date,
): ApprovalState {
  const approvals = decisions.filter(({ decision }) => decision === 'approve');
  const granted = (role: string): number => approvals.filter((approval) => approval.role === role).length;
  const lent = new Set(approvals.flatMap(({ lends }) => lends));
  return {
    status: statusAt(request, now),
    needs: request.needs.map((need) => ({
      ...need,
      granted: granted(need.role),
      ...(need.lends ? { lent: need.lends.filter((right) => lent.has(right)) } : {}),
    })),
    by: approvals.map(({ approver }) => approver),
    reason: request.reason,
    expiresAt: request.begunAt ? null : request.expiresAt.toISOString(),
  };
}

/** Whether it was not acted on in time. An approval under which a migration began stays good as long as that runs. */
export const isOver = ({ expiresAt, begunAt }: ApprovalRequestEntity, now: Date): boolean =>
  begunAt === null && expiresAt <= now;

function statusAt(request: ApprovalRequestEntity, now: Date): ApprovalState['status'] {
  const { status } = request;
  switch (status) {
    case 'pending':
    case 'granted':
      return isOver(request, now) ? 'expired' : status;
    case 'refused':
    case 'expired':
      return status;
    case 'closed':
      return 'expired';
    case 'withdrawn':
      return 'refused';
  }
}
