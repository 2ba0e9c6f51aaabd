import { hashOf } from '@scc/audit';
import type { ApprovalNeed, Evaluation, EvaluationRequest } from '@scc/governance-api';
import { parseSpec, type Violation } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import { type ReviewRights, unlent } from '../access/plan-rights.js';
import { lendersOf, lendingNeed } from '../approvals/lending.js';
import { needsWithoutAuthor, requireApproval } from '../approvals/requests.js';
import { appendAudit } from '../audit/append.js';
import { fittingEntry } from '../audit/fitting.js';
import type { CallContext } from '../call/caller.js';
import { newestEdit, withParts } from '../plans/live-edits.js';
import { lockMigration, planObject, saveEvaluation } from '../plans/store.js';
import { extrasIn } from '../policies/context.js';
import { decidePolicies } from '../policies/decide.js';
import { countVerdicts, keepVerdicts } from '../policies/recorded.js';
import { currentVersions, knownSCCs } from '../registry/versions.js';
import { assessRisk } from '../risk/assessments.js';
import { nextStart, type StartTime } from '../schedule/calendar.js';
import { claimHolder } from './claims.js';
import { contentHashOf } from './content-hash.js';
import { ownNeed } from './question.js';
import { editorsSeenAt } from './record-age.js';

export interface EvaluationContext extends CallContext {
  /** Asks what those who wrote the plan may do. */
  reviewRights: ReviewRights;
}

/**
 * Answers the engine's question before it touches anything: may this plan run, under which conditions, at which risk.
 * The question, the answer and the audit entry are stored in one transaction.
 */
export async function evaluatePlan(
  tx: EntityManager,
  asked: EvaluationRequest,
  { actor, requestId, now, reviewRights }: EvaluationContext,
): Promise<Evaluation> {
  const request = await asEdited(tx, asked);
  const { plan, facts } = request;
  // Before anything is locked, for the cluster may take its time.
  const writing = { now, lenders: await lendersOf(tx, request, now), ...(await editorsSeenAt(tx, plan)) };
  const reviewed = await reviewRights(request, writing);
  const borrowed = lendingNeed(request, reviewed);
  const { createdAt } = await lockMigration(tx, plan, plan.author);
  const { risk, ...kept } = await assessRisk(tx, request, now);
  const { seen, ...versions } = await currentVersions(tx, facts);
  const contentHash = contentHashOf(request, versions, risk.band);
  const policy = await decidePolicies(tx, { request, risk, now });
  const recorded = [...policy.warned, ...policy.recorded];
  const malformed = specViolations(request);
  const start = malformed.length > 0 ? NOT_ASKED : await nextStart(tx, request, now);
  const violations = [
    ...malformed,
    ...(borrowed.length > 0 ? reviewed.violations : unlent(reviewed)),
    ...policy.violations,
    ...(start.never ? [noWindow(start)] : []),
  ];
  const approvals = needsWithoutAuthor([...policy.approvals, ...ownNeed(request), ...borrowed], plan.author);
  const verdict = verdictOf(violations, approvals, start);
  if (!request.spec.dryRun)
    await requireApproval(
      tx,
      {
        planUid: plan.uid,
        namespace: plan.namespace,
        name: plan.name,
        contentHash,
        author: plan.author,
        editors: plan.editors,
        needs: verdict === 'deny' ? [] : approvals,
      },
      { requestId, now },
    );
  const answer = {
    verdict,
    contentHash,
    violations,
    warnings: [...policy.warnings, ...(await conflictWarnings(tx, request))],
    recorded,
    approvals,
    rights: reviewed.rights,
    extras: extrasIn(facts, await knownSCCs(tx, facts)),
    waitUntil: start.at?.toISOString() ?? null,
    risk,
    policyRevision: policy.revision,
  };
  const entered = fittingEntry(recorded.map(inEntry), MAX_SAID_BYTES);
  const receipt = await appendAudit(tx, {
    actor,
    action: 'migration.evaluated',
    object: planObject(plan),
    requestId,
    details: {
      ...{ uid: plan.uid, author: plan.author, generation: plan.generation, evaluatedAt: now.toISOString() },
      known: createdAt.toISOString(),
      workload: { kind: facts.workload.kind, name: facts.workload.name },
      sccs: { source: facts.sourceSCC, target: facts.targetSCC },
      ...(plan.campaign ? { campaign: plan.campaign.name } : {}),
      verdict,
      contentHash,
      requestHash: hashOf(request),
      askedHash: hashOf({ spec: request.spec, facts }),
      answerHash: hashOf(answer),
      violations: fittingEntry(
        answer.violations.map(({ code, message }) => inEntry({ code, message })),
        MAX_SAID_BYTES,
      ),
      approvals,
      rights: reviewed.rights.map((right) => ({ ...right })),
      extras: answer.extras.map(({ field }) => field).slice(0, 50),
      waitUntil: answer.waitUntil,
      risk: {
        ...{ assessmentId: risk.assessmentId, model: risk.modelVersion, band: risk.band },
        ...{ changeRisk: risk.changeRisk, ...kept },
      },
      policyRevision: policy.revision,
      contents: seen.map((content) => ({ ...content })),
      exceptions: policy.exceptions,
      recorded: entered,
    },
  });
  const evaluation = { ...answer, receipt };
  await saveEvaluation(tx, request, evaluation, now);
  countVerdicts(recorded);
  await keepVerdicts(tx, entered, { plan, contentHash, entryId: receipt.entryId, now });
  return evaluation;
}

/** Characters of a message in an audit entry, and bytes of all violations or verdicts; the evaluation holds all of them. */
const MAX_MESSAGE = 300;
const MAX_SAID_BYTES = 20_000;

/** Ends between characters: half of one is no text that PostgreSQL keeps. */
const inEntry = <Said extends { message: string }>(said: Said): Said => ({
  ...said,
  message: said.message.slice(0, MAX_MESSAGE).toWellFormed(),
});

const NOT_ASKED: StartTime = { at: null, never: false, reason: 'the plan is refused anyway' };

function specViolations({ spec }: EvaluationRequest): Violation[] {
  const parsed = parseSpec(spec);
  return parsed.ok ? [] : parsed.violations;
}

const noWindow = ({ reason }: StartTime): Violation => ({
  code: 'NoWindow',
  field: 'spec.schedule.windows',
  message: reason,
  remedy: 'Widen a window, or shorten the migration: fewer weights, shorter holds.',
});

/** With the edits of the running plan that let more pass: an approval is about what will be in force. */
async function asEdited(tx: EntityManager, asked: EvaluationRequest): Promise<EvaluationRequest> {
  const edit = await newestEdit(tx, asked.plan.uid);
  return edit && edit.loosened.length > 0 && edit.generation > asked.plan.generation ? withParts(asked, edit) : asked;
}

function verdictOf(violations: Violation[], approvals: ApprovalNeed[], start: StartTime): Evaluation['verdict'] {
  if (violations.length > 0) return 'deny';
  if (approvals.length > 0) return 'requireApproval';
  return start.at === null ? 'allow' : 'wait';
}

/** Another migration of the workload is no reason to refuse: this one waits for it when it asks to begin. */
async function conflictWarnings(tx: EntityManager, { plan, facts }: EvaluationRequest): Promise<string[]> {
  const holder = await claimHolder(tx, { ...facts.workload, namespace: plan.namespace });
  return holder && holder.planUid !== plan.uid
    ? [`${holder.namespace}/${holder.name} migrates the workload now; this plan waits until it is done`]
    : [];
}
