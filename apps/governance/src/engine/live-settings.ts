import { hashOf } from '@scc/audit';
import type { ApprovalNeed, LiveRequest, LiveVerdict } from '@scc/governance-api';
import { type LiveParts, loosenedBy } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import { approvalStateFor, needsWithoutAuthor, requireApproval } from '../approvals/requests.js';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { newRow } from '../database/rows.js';
import { LiveEditEntity } from '../plans/live-edit.entity.js';
import { MAX_LOOSENED, openEdit, withParts } from '../plans/live-edits.js';
import {
  currentEvaluation,
  lockKnownMigration,
  type MigrationRow,
  planObject,
  type StoredEvaluation,
} from '../plans/store.js';
import { decidePolicies } from '../policies/decide.js';
import { currentVersions } from '../registry/versions.js';
import { contentHashOf } from './content-hash.js';
import { ownNeed } from './question.js';

const partsOf = ({ request: { spec } }: StoredEvaluation): LiveParts => ({
  gates: spec.gates,
  traffic: { interval: spec.traffic.interval },
});

/** A right that was to be lent stays so: an edit gives its author no right. */
const lentUnder = ({ answer }: StoredEvaluation): ApprovalNeed[] =>
  answer.approvals.filter(({ lends }) => lends !== undefined).map((need) => ({ ...need, count: 1 }));

/**
 * Decides whether an edit of a running plan takes effect. One that only tightens does. One that loosens is judged by the
 * policies again; where somebody has to approve the plan, the approval closes with the true reason and is asked for
 * again. Until it is given, what was evaluated stays in force and no further step is allowed.
 */
export async function reviewLiveSettings(
  tx: EntityManager,
  uid: string,
  request: LiveRequest,
  context: CallContext,
): Promise<LiveVerdict> {
  const migration = await lockKnownMigration(tx, uid);
  const evaluation = await currentEvaluation(tx, migration);
  // Nothing is known yet to compare with.
  if (!evaluation) return { inForce: null, reason: 'the plan was not evaluated yet' };
  const { generation, gates, traffic } = request;
  const parts: LiveParts = { gates, traffic };
  const loosened = loosenedBy(partsOf(evaluation), parts);
  const before = await openEdit(tx, evaluation);
  if (loosened.length === 0) {
    if (before && before.loosened.length > 0) await takenBack(tx, { migration, evaluation, request, context });
    return { inForce: parts, reason: 'the edit only tightens' };
  }
  const edited = withParts(evaluation.request, { generation, parts });
  const { risk } = evaluation.answer;
  const { now } = context;
  const why = `the plan was edited while it runs: ${loosened.join('; ')}`;
  const policy = await decidePolicies(tx, { request: edited, risk, now });
  if (policy.violations.length > 0) {
    const refusals = policy.violations.map(({ message }) => message).join('; ');
    return { inForce: partsOf(evaluation), reason: `${why}. It is refused: ${refusals}` };
  }
  const needs = needsWithoutAuthor(
    [...policy.approvals, ...ownNeed(edited), ...lentUnder(evaluation)],
    edited.plan.author,
  );
  const contentHash = contentHashOf(edited, await currentVersions(tx, edited.facts), risk.band);
  const edit = { planUid: uid, generation, contentHash, parts, loosened, needs, editedAt: now };
  if (before?.contentHash !== contentHash) await keep(tx, edit, migration, context);
  await requireApproval(tx, { ...neededOf(migration, evaluation, request), contentHash, needs, changed: why }, context);
  const { status } = await approvalStateFor(tx, { planUid: uid, contentHash, needs }, now);
  return status === 'granted' || status === 'notRequired'
    ? { inForce: parts, reason: why }
    : { inForce: partsOf(evaluation), reason: `${why}. It has to be approved` };
}

const neededOf = ({ planUid, namespace, name }: MigrationRow, evaluation: StoredEvaluation, request: LiveRequest) => {
  const { author, editors } = evaluation.request.plan;
  return { planUid, namespace, name, author, editors: [...new Set([...editors, ...request.editors])] };
};

async function keep(
  tx: EntityManager,
  edit: Omit<LiveEditEntity, 'id' | 'migration'>,
  migration: MigrationRow,
  { actor, requestId }: CallContext,
): Promise<void> {
  await tx.getRepository(LiveEditEntity).insert(newRow<LiveEditEntity>(edit));
  const { planUid: uid, generation, contentHash, parts, loosened, needs } = edit;
  await appendAudit(tx, {
    actor,
    action: 'plan.liveEdited',
    object: planObject(migration),
    requestId,
    details: {
      uid,
      generation,
      contentHash,
      partsHash: hashOf(parts),
      loosened: loosened.slice(0, MAX_LOOSENED),
      needs: needs.map((need) => ({ ...need })),
      at: edit.editedAt.toISOString(),
    },
  });
}

interface Restored {
  migration: MigrationRow;
  evaluation: StoredEvaluation;
  request: LiveRequest;
  context: CallContext;
}

/** The evaluated plan is asked about again: its approval ended with the edit that loosened it. */
async function takenBack(tx: EntityManager, { migration, evaluation, request, context }: Restored): Promise<void> {
  const { contentHash, approvals: needs } = evaluation.answer;
  const { generation, gates, traffic } = request;
  const edit = { generation, contentHash, parts: { gates, traffic }, loosened: [], needs, editedAt: context.now };
  await keep(tx, { planUid: migration.planUid, ...edit }, migration, context);
  const changed = 'the edit that loosened the plan was taken back';
  await requireApproval(tx, { ...neededOf(migration, evaluation, request), contentHash, needs, changed }, context);
}
