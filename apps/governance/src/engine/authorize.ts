import type { ApprovalNeed, ApprovalState, MigrationOutcome, StepRequest, StepVerdict } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { type ReviewRights, type RightsReview, unlent } from '../access/plan-rights.js';
import { beginUnder, type HoldsRole, withdrawLapsed } from '../approvals/endings.js';
import { approvalStateFor, isAskedAgain } from '../approvals/requests.js';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import {
  currentEvaluation,
  lockKnownMigration,
  type MigrationRow,
  planObject,
  type StoredEvaluation,
} from '../plans/store.js';
import { decidePolicies, type PolicyDecision } from '../policies/decide.js';
import { riskNow } from '../risk/assessments.js';
import { activeFreeze, nextStart } from '../schedule/calendar.js';
import { askAboutChange, askAgain } from './ask-again.js';
import { claimWorkload } from './claims.js';
import { recordedEnd } from './outcome.js';
import { type Question, questionOf } from './question.js';
import type { LiveEditEntity } from '../plans/live-edit.entity.js';
import { withParts } from '../plans/live-edits.js';
import { stopInForce } from '../stops/in-force.js';
import { askedAbout } from './record-age.js';
import { type SCCChange, sccChange } from './scc-change.js';
import { StepAuthorizationEntity } from './step.entity.js';

/** How soon a migration asks again while another one has its workload. */
const CLAIM_RETRY_MS = 15_000;
/** How soon it asks again while its author lacks a right. */
const RIGHTS_RETRY_MS = 15_000;
/** How soon a plan that is judged again may ask again. */
const EVALUATION_RETRY_MS = 1_000;
/** How soon a stopped migration asks again; lifting the stop wakes it. */
const STOP_RETRY_MS = 60_000;
/** How soon it asks again while an edit waits for its approval; the approval wakes it. */
const REAPPROVAL_RETRY_MS = 60_000;
/**
 * How long a migration that has begun waits for a right that was lost before it is undone, in milliseconds. One that has
 * touched nothing waits on.
 */
const RIGHTS_PATIENCE_MS = 3_600_000;
/** More questions about one step than fit into that time. */
const MOST_ASKED = 1000;
/** The steps that are done in the author's name; what comes between them is restored by the end. */
const IN_AUTHORS_NAME: readonly StepRequest['step'][] = ['Prepare', 'Migrate'];

export interface StepContext extends CallContext {
  /** Asks about the roles of people who approved. */
  holds: HoldsRole;
  /** Asks what those who wrote the plan may do. */
  reviewRights: ReviewRights;
}

const AGAIN = 'The plan has to be approved again: see sccctl approvals list.';

type Answer = Pick<StepVerdict, 'allowed' | 'reason' | 'retryAt' | 'waitsFor'>;
const allowed = (reason: string): Answer => ({ allowed: true, reason, retryAt: null });
const soon = (now: Date, afterMs: number): Date => new Date(now.getTime() + afterMs);
const refused = (reason: string): Answer => ({ allowed: false, reason, retryAt: null });
const later = (waitsFor: NonNullable<Answer['waitsFor']>, reason: string, at: Date): Answer => ({
  allowed: false,
  reason,
  retryAt: at.toISOString(),
  waitsFor,
});

/**
 * Decides whether one step may run now. Everything that an evaluation relied on is looked at again: what it was about,
 * approvals, policies and their exceptions, freezes, and who else has the workload.
 */
export async function authorizeStep(
  tx: EntityManager,
  uid: string,
  request: StepRequest,
  { holds, reviewRights, ...context }: StepContext,
): Promise<StepVerdict> {
  const { actor, requestId, now } = context;
  const migration = await lockKnownMigration(tx, uid);
  const answer =
    request.step === 'Undo'
      ? allowed('an undo is always allowed')
      : await decideStep(tx, request, {
          evaluation: await currentEvaluation(tx, migration),
          end: await recordedEnd(tx, uid),
          context,
          stopped: await againstStop(tx, migration.namespace, request, now),
          lapsed: () => withdrawLapsed(tx, migration, holds, context),
          reviewed: (evaluation) => reviewedNow(tx, evaluation, reviewRights, now),
          askAgain: (lost) => askAgain(tx, lost, context),
          rightsLostAt: () => rightsLostAt(tx, uid, request),
        });
  if (answer.allowed) await begin(tx, request, migration, context);
  const receipt = await appendAudit(tx, {
    actor,
    action: answer.allowed ? 'step.allowed' : 'step.refused',
    object: planObject(migration),
    requestId,
    details: { uid, ...request, ...answer, decidedAt: now.toISOString() },
  });
  const { step, contentHash, detail } = request;
  const told = { allowed: answer.allowed, reason: answer.reason };
  await tx.getRepository(StepAuthorizationEntity).insert({
    ...{ planUid: uid, step, contentHash, detail, ...told, waitsFor: answer.waitsFor ?? null },
    ...{ entryId: receipt.entryId, decidedAt: now },
  });
  return { ...answer, receipt };
}

/** A grant that a migration begins or goes on under ends with it and not with its time. */
async function begin(
  tx: EntityManager,
  { step }: StepRequest,
  migration: MigrationRow,
  context: CallContext,
): Promise<void> {
  const evaluation = await currentEvaluation(tx, migration);
  if (!evaluation || step === 'Undo') return;
  const { contentHash } = await questionOf(tx, evaluation);
  await beginUnder(tx, { ...migration, contentHash }, context);
}

interface StepFacts {
  evaluation: StoredEvaluation | null;
  /** How the migration ended; null while it has not. */
  end: MigrationOutcome['end'];
  context: CallContext;
  /** The answer of an emergency stop; null without one. */
  stopped: Answer | null;
  /** Why what was granted counts no longer; null when it does. */
  lapsed: () => Promise<string | null>;
  /** Rights of those who wrote the plan to what it does now, and who lends to them. */
  reviewed: (evaluation: StoredEvaluation) => Promise<RightsReview>;
  askAgain: (lost: Parameters<typeof askAgain>[1]) => Promise<boolean>;
  /** Since when the step waits for a right; null when it does not. */
  rightsLostAt: () => Promise<Date | null>;
}

type RightsFacts = Pick<StepFacts, 'reviewed' | 'rightsLostAt' | 'askAgain'> & { now: Date };

/** The first reason against the step; the order puts what cannot be waited out first. */
async function decideStep(
  tx: EntityManager,
  request: StepRequest,
  { evaluation, end, context, stopped, lapsed, ...rights }: StepFacts,
): Promise<Answer> {
  const { now } = context;
  if (end) return refused(`the migration is over: ${end.phase}; apply a new plan`);
  if (stopped) return stopped;
  if (!evaluation) return refused('the plan was never evaluated');
  const unfit = againstEvaluation(request, evaluation);
  if (unfit) return unfit;
  // The workload serves everything under the target by now: what is left only removes what the migration added.
  if (request.step === 'Finish') return allowed('the rest of the migration only cleans up');
  const change = await sccChange(tx, evaluation);
  // Nothing is touched yet, so that the plan is judged by what its SCCs are now.
  if (change && request.step === 'Prepare')
    return later('Evaluation', 'an SCC of the plan was changed since it was evaluated', soon(now, EVALUATION_RETRY_MS));
  return (
    (await againstPolicy(tx, evaluation, { context, lapsed, change })) ??
    (await againstRights(request, evaluation, { now, ...rights })) ??
    (await againstCalendar(tx, request, evaluation, now)) ??
    (await againstOthers(tx, evaluation, context)) ??
    allowed('policies, approvals, rights, calendar and claim allow it')
  );
}

/** What was judged is another plan, or was judged so that no step of it may run. */
function againstEvaluation({ contentHash }: StepRequest, { request, answer }: StoredEvaluation): Answer | null {
  if (request.spec.dryRun) return refused('the plan is a dry run and touches nothing');
  if (answer.contentHash !== contentHash)
    return refused('the plan, its SCCs or its risk have changed since it was evaluated; evaluate it again');
  return answer.verdict === 'deny'
    ? refused(`refused by policy: ${answer.violations.map(({ message }) => message).join('; ')}`)
    : null;
}

/** A begun migration is held or undone; one that has not begun waits until the stop is lifted. */
async function againstStop(
  tx: EntityManager,
  namespace: string,
  { step }: StepRequest,
  now: Date,
): Promise<Answer | null> {
  const stop = await stopInForce(tx, namespace);
  if (!stop) return null;
  const where = stop.namespace === null ? 'all namespaces' : `the namespace ${stop.namespace}`;
  const reason = `${stop.stoppedBy} stopped the migrations of ${where}: ${stop.reason} (sccctl stop lift ${stop.id})`;
  return stop.takeBack && step !== 'Prepare'
    ? refused(reason)
    : later('Stopped', reason, new Date(now.getTime() + STOP_RETRY_MS));
}

async function againstPolicy(
  tx: EntityManager,
  evaluation: StoredEvaluation,
  { context, lapsed, change }: Pick<StepFacts, 'context' | 'lapsed'> & { change: SCCChange | null },
): Promise<Answer | null> {
  const { now } = context;
  const { uid: planUid } = evaluation.request.plan;
  const question = await questionOf(tx, evaluation);
  const { contentHash, needs, edit } = question;
  const state = await approvalStateFor(tx, { planUid, contentHash, needs }, now);
  const isInForce = ['granted', 'notRequired'].includes(state.status);
  const request = edit && isInForce ? withParts(evaluation.request, edit) : evaluation.request;
  const { risk: before } = evaluation.answer;
  const risk = change?.loosened ? await riskNow(tx, request, { before, now }) : before;
  const against = againstNeeds(await decidePolicies(tx, { request, risk, now }), needs);
  return (
    against ??
    (await againstLoosened(tx, { evaluation, question, state, change }, context)) ??
    (await againstApproval(state, { edit, lapsed, now }))
  );
}

/** Policies that refuse the plan by now, or ask for more than was asked for. */
function againstNeeds({ violations, approvals }: PolicyDecision, needs: readonly ApprovalNeed[]): Answer | null {
  if (violations.length > 0) return refused(violations.map(({ message }) => message).join('; '));
  const missing = approvals.find(
    (need) => !needs.some((asked) => asked.role === need.role && asked.count >= need.count),
  );
  return missing ? refused(`a policy now asks for ${missing.count} × ${missing.role}: ${missing.reason}`) : null;
}

/** Who approved the target did not approve of it as it is now. */
async function againstLoosened(
  tx: EntityManager,
  {
    evaluation,
    question,
    state,
    change,
  }: { evaluation: StoredEvaluation; question: Question; state: ApprovalState; change: SCCChange | null },
  context: CallContext,
): Promise<Answer | null> {
  if (!change?.loosened || question.needs.length === 0) return null;
  const isAsked = await askAboutChange(tx, { evaluation, question, change }, context);
  if (!isAsked && state.status !== 'pending') return null;
  return later('Reapproval', `${change.loosened}. ${AGAIN}`, soon(context.now, REAPPROVAL_RETRY_MS));
}

async function againstApproval(
  state: ApprovalState,
  { edit, lapsed, now }: Pick<Question, 'edit'> & Pick<StepFacts, 'lapsed'> & { now: Date },
): Promise<Answer | null> {
  // Only a right is asked about, which is looked at next.
  if (state.status === 'notRequired' || isAskedAgain(state)) return null;
  if (edit && state.status === 'pending') return later('Reapproval', askedAgain(edit), soon(now, REAPPROVAL_RETRY_MS));
  if (state.status !== 'granted')
    return refused(`the approval is ${state.status}${state.reason ? `: ${state.reason}` : ''}`);
  const gone = await lapsed();
  return gone === null ? null : refused(gone);
}

const askedAgain = ({ loosened }: LiveEditEntity): string =>
  loosened.length > 0
    ? `the plan was edited while it runs and has to be approved again: ${loosened.join('; ')}`
    : 'an edit that loosened the plan was taken back; what was approved before it has to be approved again';

const reviewedNow = async (
  tx: EntityManager,
  evaluation: StoredEvaluation,
  reviewRights: ReviewRights,
  now: Date,
): Promise<RightsReview> => reviewRights(...(await askedAbout(tx, evaluation, now)));

/** Since when the step was refused because a right was missing and for nothing else. */
async function rightsLostAt(
  tx: EntityManager,
  planUid: string,
  { step, contentHash }: StepRequest,
): Promise<Date | null> {
  const rows = await tx
    .getRepository(StepAuthorizationEntity)
    .find({ where: { planUid, step, contentHash }, order: { id: 'DESC' }, take: MOST_ASKED });
  const end = rows.findIndex(({ waitsFor }) => waitsFor !== 'Rights');
  return rows.slice(0, end < 0 ? rows.length : end).at(-1)?.decidedAt ?? null;
}

/**
 * A right may be given back or lent, so that the step waits for it and says which one is missing. A migration that has
 * begun does not wait for ever with its requests on the canary: it is undone.
 */
async function againstRights(
  { step }: StepRequest,
  evaluation: StoredEvaluation,
  { now, reviewed: review, rightsLostAt: lostAt, askAgain: ask }: RightsFacts,
): Promise<Answer | null> {
  if (!IN_AUTHORS_NAME.includes(step)) return null;
  const reviewed = await review(evaluation);
  const since = await lostAt();
  const isAsked = await ask({ evaluation, reviewed, since });
  const violations = unlent(reviewed);
  if (violations.length === 0 && !isAsked) return null;
  const missing = violations.map(({ message, remedy }) => `${message}. ${remedy}`);
  const asked = isAsked ? [AGAIN] : [];
  const reason = [...missing, ...asked].join(' ');
  if (step === 'Migrate' && since && now.getTime() - since.getTime() >= RIGHTS_PATIENCE_MS)
    return refused(`${reason} It was waited for since ${since.toISOString()}, so that the migration is undone.`);
  return later('Rights', reason, soon(now, RIGHTS_RETRY_MS));
}

/** A window must be open when a migration begins and long enough for all of it; a freeze stops it at any step. */
async function againstCalendar(
  tx: EntityManager,
  { step }: StepRequest,
  { request }: StoredEvaluation,
  now: Date,
): Promise<Answer | null> {
  const start = step === 'Prepare' ? await nextStart(tx, request, now) : await activeFreeze(tx, request, now);
  return start.at ? later('Window', start.reason, start.at) : null;
}

async function againstOthers(
  tx: EntityManager,
  { request }: StoredEvaluation,
  context: CallContext,
): Promise<Answer | null> {
  const { plan, facts } = request;
  const workload = { ...facts.workload, namespace: plan.namespace };
  const holder = await claimWorkload(tx, { ...plan, planUid: plan.uid }, workload, context);
  if (holder?.planUid === plan.uid) return null;
  const other = holder ? `${holder.namespace}/${holder.name}` : 'another plan';
  return later('OtherPlan', `${other} migrates the workload now`, new Date(context.now.getTime() + CLAIM_RETRY_MS));
}
