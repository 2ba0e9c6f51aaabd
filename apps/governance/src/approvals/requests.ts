import type { ApprovalNeed, ApprovalState } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { likePatterns, type Scope } from '../access/scope.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';

/** How long an approval, asked for or given, stays good. */
const APPROVAL_TTL_MS = 24 * 60 * 60 * 1000;

export const REQUEST_STATUSES = ['pending', 'granted', 'refused', 'expired', 'withdrawn'] as const;
const needsSchema = z.array(z.object({ role: z.string(), count: z.int(), reason: z.string() }));
export const requestRow = z.object({
  id: z.string(),
  plan_uid: z.string(),
  content_hash: z.string(),
  author: z.string().nullable(),
  needs: needsSchema,
  status: z.enum(REQUEST_STATUSES),
  reason: z.string().nullable(),
  requested_at: z.date(),
  expires_at: z.date(),
  version: z.int(),
});
export type ApprovalRequestRow = z.infer<typeof requestRow>;
export const REQUEST_COLUMNS =
  'id, plan_uid, content_hash, author, needs, status, reason, requested_at, expires_at, version';

const decisionRow = z.object({
  approver: z.string(),
  role: z.string(),
  decision: z.enum(['approve', 'refuse']),
  reason: z.string().nullable(),
  decided_at: z.date(),
});
export type DecisionRow = z.infer<typeof decisionRow>;

/** The decisions that count, in the order in which they were made. */
export const decisionsOf = (db: Queryable, request: string): Promise<DecisionRow[]> =>
  rowsOf(
    db,
    decisionRow,
    `select approver, role, decision, reason, decided_at from approval_decision
     where request = $1 and withdrawn_at is null order by id`,
    [request],
  );

/** Several policies may ask for the same role: the largest number is enough, and each reason is kept. */
function mergeNeeds(needs: readonly ApprovalNeed[]): ApprovalNeed[] {
  const byRole = new Map<string, ApprovalNeed>();
  for (const need of needs) {
    const known = byRole.get(need.role);
    const reason = known && !known.reason.includes(need.reason) ? `${known.reason}; ${need.reason}` : need.reason;
    byRole.set(need.role, { role: need.role, count: Math.max(known?.count ?? 0, need.count), reason });
  }
  return [...byRole.values()];
}

/**
 * The author never approves. When the author is unknown any one approver may be the author, so one more person makes
 * sure that enough others agreed.
 */
export function needsWithoutAuthor(needs: readonly ApprovalNeed[], author: string | null): ApprovalNeed[] {
  return mergeNeeds(needs).map((need, at) =>
    author === null && at === 0
      ? { ...need, count: need.count + 1, reason: `${need.reason}; one more because the author is unknown` }
      : need,
  );
}

export interface NeededApproval {
  planUid: string;
  contentHash: string;
  author: string | null;
  needs: ApprovalNeed[];
}

/**
 * Brings the open request in line with what is needed now: the same question stays open with its answers, another
 * question withdraws it. Call with the migration locked.
 */
export async function requireApproval(tx: EntityManager, needed: NeededApproval, now: Date): Promise<void> {
  const open = await openRequest(tx, needed.planUid);
  if (open && open.expires_at <= now)
    await close(tx, open.id, { status: 'expired', reason: 'nobody acted on it in time' }, now);
  else if (open && isSame(open, needed)) return;
  else if (open)
    await close(tx, open.id, { status: 'withdrawn', reason: 'the plan or what it would do has changed' }, now);
  else if (await isRefused(tx, needed)) return;
  if (needed.needs.length === 0) return;
  await tx.query(
    `insert into approval_request (plan_uid, content_hash, author, needs, requested_at, expires_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      needed.planUid,
      needed.contentHash,
      needed.author,
      JSON.stringify(needed.needs),
      now,
      new Date(now.getTime() + APPROVAL_TTL_MS),
    ],
  );
}

/** Asking the same again does not undo a refusal. */
async function isRefused(tx: EntityManager, { planUid, contentHash }: NeededApproval): Promise<boolean> {
  const refused = await rowOf(
    tx,
    z.object({ id: z.string() }),
    `select id from approval_request where plan_uid = $1 and content_hash = $2 and status = 'refused'`,
    [planUid, contentHash],
  );
  return refused !== undefined;
}

const sizeOf = (needs: readonly ApprovalNeed[]): string =>
  needs
    .map(({ role, count }) => `${role}=${count}`)
    .sort()
    .join();

const isSame = (open: ApprovalRequestRow, needed: NeededApproval): boolean =>
  open.content_hash === needed.contentHash && sizeOf(open.needs) === sizeOf(needed.needs);

export const openRequest = (db: Queryable, planUid: string): Promise<ApprovalRequestRow | undefined> =>
  rowOf(
    db,
    requestRow,
    `select ${REQUEST_COLUMNS} from approval_request where plan_uid = $1 and status in ('pending', 'granted')`,
    [planUid],
  );

export async function close(
  tx: EntityManager,
  id: string,
  { status, reason }: { status: 'granted' | 'refused' | 'expired' | 'withdrawn'; reason: string | null },
  now: Date,
): Promise<void> {
  await tx.query(
    `update approval_request set status = $2, reason = $3, decided_at = coalesce(decided_at, $4), version = version + 1 where id = $1`,
    [id, status, reason, now],
  );
}

/** What the newest request for exactly this content says; `pending` when nobody asked yet. */
export async function approvalStateFor(
  db: Queryable,
  { planUid, contentHash, needs }: Pick<NeededApproval, 'planUid' | 'contentHash' | 'needs'>,
  now: Date,
): Promise<ApprovalState> {
  if (needs.length === 0) return { status: 'notRequired', needs: [], by: [], reason: null, expiresAt: null };
  const request = await rowOf(
    db,
    requestRow,
    `select ${REQUEST_COLUMNS} from approval_request where plan_uid = $1 and content_hash = $2 order by id desc limit 1`,
    [planUid, contentHash],
  );
  if (!request)
    return {
      status: 'pending',
      needs: needs.map((need) => ({ ...need, granted: 0 })),
      by: [],
      reason: null,
      expiresAt: null,
    };
  const decisions = await decisionsOf(db, request.id);
  return stateOf(request, decisions, now);
}

const summaryRow = requestRow.extend({ namespace: z.string(), name: z.string() });

export interface ApprovalSummary extends ApprovalState {
  id: string;
  plan: { uid: string; namespace: string; name: string; author: string | null };
  /** What a decision is about; it has to name it. */
  contentHash: string;
  requestedAt: string;
}

export interface RequestFilter {
  status?: ApprovalRequestRow['status'] | undefined;
  namespace?: string | undefined;
}

/** Approval requests, newest first; one page after the given id. */
export async function listRequests(
  db: Queryable,
  { status, namespace }: RequestFilter,
  { limit, after, scope }: { limit: number; after: string | null; scope: Scope },
  now: Date,
): Promise<ApprovalSummary[]> {
  const rows = await rowsOf(
    db,
    summaryRow,
    `select r.id, r.plan_uid, r.content_hash, r.author, r.needs, r.status, r.reason, r.requested_at, r.expires_at, r.version,
       m.namespace, m.name
     from approval_request r join migration m using (plan_uid)
     where ($1::text is null or r.status = $1) and ($2::bigint is null or r.id < $2)
       and ($4::text is null or m.namespace = $4) and ($5::text[] is null or m.namespace like any($5))
     order by r.id desc limit $3`,
    [status ?? null, after, limit, namespace ?? null, likePatterns(scope)],
  );
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      plan: { uid: row.plan_uid, namespace: row.namespace, name: row.name, author: row.author },
      contentHash: row.content_hash,
      requestedAt: row.requested_at.toISOString(),
      ...stateOf(row, await decisionsOf(db, row.id), now),
    })),
  );
}

/** The state that a request and its decisions mean at a time: expiry needs no sweep to take effect. */
export function stateOf(request: ApprovalRequestRow, decisions: readonly DecisionRow[], now: Date): ApprovalState {
  const granted = (role: string): number =>
    decisions.filter((decision) => decision.decision === 'approve' && decision.role === role).length;
  return {
    status: statusAt(request, now),
    needs: request.needs.map((need) => ({ ...need, granted: granted(need.role) })),
    by: decisions.filter(({ decision }) => decision === 'approve').map(({ approver }) => approver),
    reason: request.reason,
    expiresAt: request.expires_at.toISOString(),
  };
}

function statusAt({ status, expires_at }: ApprovalRequestRow, now: Date): ApprovalState['status'] {
  switch (status) {
    case 'pending':
    case 'granted':
      return expires_at <= now ? 'expired' : status;
    case 'refused':
    case 'expired':
      return status;
    case 'withdrawn':
      return 'refused';
  }
}
