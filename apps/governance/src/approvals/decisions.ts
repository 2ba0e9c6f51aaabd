import type { ApprovalDecision, ApprovalState } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { Refusal } from '../database/refusal.js';
import { rowOf, rowsOf } from '../database/rows.js';
import {
  type CallContext,
  type Caller,
  lockKnownMigration,
  type MigrationRow,
  planObject,
} from '../migrations/store.js';
import { wakeWorkflow } from './outbox.js';
import {
  type ApprovalRequestRow,
  close,
  decisionsOf,
  type DecisionRow,
  openRequest,
  REQUEST_COLUMNS,
  requestRow,
  stateOf,
} from './requests.js';

/**
 * Records that somebody approves or refuses what a plan would do. With the last approval that was missing the request
 * is granted, and the waiting workflow is told through the outbox, all in one transaction.
 * @throws Refusal `forbidden` for the author and for those without the role, `conflict` when there is nothing to decide.
 */
export async function decide(
  tx: EntityManager,
  planUid: string,
  input: ApprovalDecision,
  context: CallContext,
): Promise<ApprovalState> {
  const migration = await lockKnownMigration(tx, planUid);
  const request = await decidable(tx, planUid, input, context);
  const { actor, now } = context;
  const decisions = await decisionsOf(tx, request.id);
  const known = decisions.find(({ approver }) => approver === actor.name);
  if (known?.decision === input.decision) return stateOf(request, decisions, now);
  if (known) throw new Refusal('conflict', `${actor.name} has decided already; withdraw that first`);
  const role = roleFor(request, decisions, { actor, wanted: input.role });
  await tx.query(
    `insert into approval_decision (request, approver, role, decision, reason, decided_at) values ($1, $2, $3, $4, $5, $6)`,
    [request.id, actor.name, role, input.decision, input.reason ?? null, now],
  );
  return settle(tx, { migration, request, context, role, input });
}

interface Decided {
  migration: MigrationRow;
  request: ApprovalRequestRow;
  context: CallContext;
  role: string;
  input: ApprovalDecision;
}

async function settle(
  tx: EntityManager,
  { migration, request, context, role, input }: Decided,
): Promise<ApprovalState> {
  const { actor, requestId, now } = context;
  const decisions = await decisionsOf(tx, request.id);
  const isComplete = isGranted(request, decisions);
  const outcome = input.decision === 'refuse' ? 'refused' : isComplete ? 'granted' : null;
  if (outcome) {
    const reason = outcome === 'refused' ? (input.reason ?? `refused by ${actor.name}`) : null;
    await close(tx, request.id, { status: outcome, reason }, now);
    await wakeWorkflow(tx, migration, { actor: actor.name, outcome });
  }
  await appendAudit(tx, {
    actor,
    action: input.decision === 'approve' ? 'approval.granted' : 'approval.refused',
    object: planObject(migration),
    requestId,
    details: {
      uid: migration.plan_uid,
      request: request.id,
      contentHash: request.content_hash,
      role,
      reason: input.reason ?? null,
      complete: outcome === 'granted',
    },
  });
  const after = await requestById(tx, request.id);
  return stateOf(after, decisions, now);
}

/** The request that the caller may decide about now. @throws Refusal that says why there is none. */
export async function decidable(
  tx: EntityManager,
  planUid: string,
  input: Pick<ApprovalDecision, 'decision' | 'contentHash'>,
  { actor, now }: CallContext,
): Promise<ApprovalRequestRow> {
  const request = await openRequest(tx, planUid);
  if (!request) throw new Refusal('conflict', 'nothing of this plan waits for a decision');
  if (request.expires_at <= now) throw new Refusal('conflict', 'the request has expired');
  if (request.content_hash !== input.contentHash)
    throw new Refusal('stale', 'the plan or what it would do has changed since you looked at it');
  if (request.author === actor.name)
    throw new Refusal('forbidden', 'the author of a plan neither approves nor refuses it');
  if (request.status === 'granted' && input.decision === 'approve')
    throw new Refusal('conflict', 'the request is granted already');
  return request;
}

/** The role in which a caller decides: the one asked for, else the first that still needs somebody. */
function roleFor(
  { needs }: Pick<ApprovalRequestRow, 'needs'>,
  decisions: readonly DecisionRow[],
  { actor, wanted }: { actor: Caller; wanted: string | undefined },
): string {
  const held = needs.filter(({ role }) => actor.roles.includes(role) && (wanted === undefined || role === wanted));
  const approvals = (role: string): number =>
    decisions.filter((made) => made.decision === 'approve' && made.role === role).length;
  const chosen = held.find(({ role, count }) => approvals(role) < count) ?? held[0];
  if (!chosen) {
    const asked = needs.map(({ role }) => role).join(', ');
    throw new Refusal('forbidden', `${actor.name} does not hold a role that is asked for (${asked})`);
  }
  return chosen.role;
}

const isGranted = ({ needs }: ApprovalRequestRow, decisions: readonly DecisionRow[]): boolean =>
  needs.every(
    ({ role, count }) => decisions.filter((made) => made.decision === 'approve' && made.role === role).length >= count,
  );

/** Takes back one's own decision. A granted request is open again; a refused one stays refused. */
export async function withdraw(
  tx: EntityManager,
  planUid: string,
  { actor, requestId, now }: CallContext,
): Promise<ApprovalState> {
  const migration = await lockKnownMigration(tx, planUid);
  const request = await openRequest(tx, planUid);
  if (!request) throw new Refusal('conflict', 'nothing of this plan waits for a decision');
  const taken = await rowOf(
    tx,
    z.object({ role: z.string() }),
    `update approval_decision set withdrawn_at = $3 where request = $1 and approver = $2 and withdrawn_at is null returning role`,
    [request.id, actor.name, now],
  );
  if (!taken) throw new Refusal('notFound', `${actor.name} has not decided about this plan`);
  const decisions = await decisionsOf(tx, request.id);
  if (request.status === 'granted' && !isGranted(request, decisions))
    await tx.query(
      `update approval_request set status = 'pending', decided_at = null, version = version + 1 where id = $1`,
      [request.id],
    );
  await appendAudit(tx, {
    actor,
    action: 'approval.withdrawn',
    object: planObject(migration),
    requestId,
    details: { uid: planUid, request: request.id, contentHash: request.content_hash, role: taken.role },
  });
  return stateOf(await requestById(tx, request.id), decisions, now);
}

export async function requestById(tx: EntityManager, id: string): Promise<ApprovalRequestRow> {
  const row = await rowOf(tx, requestRow, `select ${REQUEST_COLUMNS} from approval_request where id = $1`, [id]);
  if (!row) throw new Refusal('notFound', `no approval request ${id}`);
  return row;
}

const expiredRow = z.object({
  id: z.string(),
  plan_uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  content_hash: z.string(),
});

/** Closes requests whose time is over, tells their workflows, and writes it to the audit log. */
export async function expireRequests(tx: EntityManager, now: Date): Promise<number> {
  const rows = await rowsOf(
    tx,
    expiredRow,
    `select r.id, r.plan_uid, m.namespace, m.name, r.content_hash from approval_request r join migration m using (plan_uid)
     where r.status in ('pending', 'granted') and r.expires_at <= $1 order by r.id limit 100 for update of r skip locked`,
    [now],
  );
  for (const row of rows) {
    await close(tx, row.id, { status: 'expired', reason: 'nobody acted on it in time' }, now);
    await wakeWorkflow(tx, row, { actor: 'system:governance', outcome: 'expired' });
    await appendAudit(tx, {
      actor: { name: 'system:governance' },
      action: 'approval.expired',
      object: planObject(row),
      requestId: null,
      details: { uid: row.plan_uid, request: row.id, contentHash: row.content_hash },
    });
  }
  return rows.length;
}
