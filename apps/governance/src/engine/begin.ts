import { hashOf } from '@scc/audit';
import type { BeginRequest, BeginVerdict, DoneRequest, DoneVerdict, GuardedActivity } from '@scc/governance-api';
import { afterWorkflowIdOf } from '@scc/migration/contract';
import type { Step } from '@scc/plan';
import { type EntityManager, IsNull, MoreThan } from 'typeorm';
import type { MayGrant } from '../access/plan-rights.js';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import type { Database } from '../database/rows.js';
import {
  currentEvaluation,
  lockKnownMigration,
  type MigrationRow,
  planObject,
  type StoredEvaluation,
} from '../plans/store.js';
import { ActivityBeginEntity, ActivityRefusalEntity } from './activity.entity.js';
import { begunOf } from './begun.js';
import { againstLater, againstOrder, isRevokedLater } from './order.js';
import { recordedEnd } from './outcome.js';
import { PreImageEntity } from './pre-image.entity.js';
import { savePreImages } from './pre-images.js';
import { askedAbout } from './record-age.js';
import { claimRun, type SeenRuns } from './runs.js';
import { StepAuthorizationEntity } from './step.entity.js';
import { keptAfterwards, evaluatedTarget, judgedStrategy, TARGET_KEY, targetOf } from './target.js';

/** Activities that put back what was there before. */
const NEED_IMAGES: ReadonlySet<GuardedActivity> = new Set<GuardedActivity>([
  ...(['restoreRoutes', 'restoreWorkload', 'restoreSourceGrant', 'compareWithPreImages'] as const),
]);
/** Refusals of one plan that have an entry, in an hour: no workflow fills the log. */
const MAX_REFUSALS = 20;
const HOUR_MS = 3_600_000;

interface BeginContext extends CallContext {
  seen: SeenRuns;
  /** Asks whether those who wrote the plan may grant its target. */
  mayGrant: MayGrant;
}

/**
 * Lets an activity of the engine begin, or refuses it: for another run, out of order, without the step that it needs, or
 * when the migration is over. The entry in the audit log is written in the same transaction; the same activity of the
 * same run begins once.
 */
export async function begin(
  tx: EntityManager,
  uid: string,
  request: BeginRequest,
  { seen, mayGrant, ...context }: BeginContext,
): Promise<BeginVerdict> {
  const migration = await lockKnownMigration(tx, uid);
  const { workflowId, runId, activityId, activity } = request;
  const known = await tx.getRepository(ActivityBeginEntity).findOneBy({ planUid: uid, workflowId, runId, activityId });
  const reason = known
    ? changed(known, request)
    : await against(tx, migration, request, { seen, nowMs: context.now.getTime() });
  if (reason !== null) return refuse(tx, migration, { request, reason, context });
  const target = (await targetOf(tx, uid)) ?? (await beginTarget(tx, migration, request, context));
  const begun = known ?? (await enter(tx, migration, { request, target, context }));
  return {
    allowed: true,
    reason: 'it is its turn',
    sequence: begun.sequence,
    target,
    images: NEED_IMAGES.has(activity) ? await imagesOf(tx, uid) : [],
    ...(activity === 'grantTarget' ? { mayGrant: await mayGrantNow(tx, migration, mayGrant, context.now) } : {}),
    receipt: 'receipt' in begun ? begun.receipt : null,
  };
}

/** Asked when the target is about to be granted, for the ServiceAccount may have lost what let the step pass. */
async function mayGrantNow(
  tx: EntityManager,
  migration: MigrationRow,
  mayGrant: MayGrant,
  now: Date,
): Promise<boolean> {
  const evaluation = await currentEvaluation(tx, migration);
  return evaluation !== null && mayGrant(...(await askedAbout(tx, evaluation, now)));
}

const changed = (known: ActivityBeginEntity, { activity, way }: BeginRequest): string | null =>
  known.activity === activity && known.way === way ? null : `activity ${known.activityId} began as ${known.activity}`;

async function against(
  tx: EntityManager,
  migration: MigrationRow,
  request: BeginRequest,
  { seen, nowMs }: { seen: SeenRuns; nowMs: number },
): Promise<string | null> {
  const end = await recordedEnd(tx, migration.planUid);
  if (request.activity === 'revokeLater') {
    return againstLater(request, {
      workflowId: afterWorkflowIdOf({ ...migration, uid: migration.planUid }),
      end: end && { phase: end.phase, atMs: Date.parse(end.at) },
      revokeMs: keptAfterwards(await targetOf(tx, migration.planUid))?.revokeMs ?? null,
      isRevoked: isRevokedLater(await begunOf(tx, migration.planUid)),
      nowMs,
    });
  }
  if (end) return `the migration is over: ${end.phase}; apply a new plan`;
  if (request.withoutGovernance !== null && request.way === 'forward')
    return 'nothing is carried on without governance';
  const evaluation = await currentEvaluation(tx, migration);
  const order = againstOrder(request, {
    begun: await begunOf(tx, migration.planUid),
    cleared: await clearedSteps(tx, migration, evaluation),
    strategy: judgedStrategy(evaluation),
  });
  if (order !== null) return order;
  const { workflowId, runId, way } = request;
  const decision = await claimRun(tx, migration, { run: { workflowId, runId }, way, seen });
  return decision.allowed ? null : decision.reason;
}

/** The steps that were allowed of what the plan is now. */
async function clearedSteps(
  db: Database,
  migration: MigrationRow,
  evaluation: StoredEvaluation | null,
): Promise<ReadonlySet<Step>> {
  if (!evaluation) return new Set();
  const { contentHash } = evaluation.answer;
  const rows = await db
    .getRepository(StepAuthorizationEntity)
    .findBy({ planUid: migration.planUid, contentHash, allowed: true });
  return new Set(rows.map(({ step }) => step));
}

/** Only the first activity of a migration has no target yet: it keeps the one that was judged last. */
async function beginTarget(
  tx: EntityManager,
  migration: MigrationRow,
  { workflowId, activity }: BeginRequest,
  context: CallContext,
): Promise<Record<string, unknown> | null> {
  const evaluation = await currentEvaluation(tx, migration);
  if (!evaluation || activity !== 'recordPreImages') return null;
  const target = evaluatedTarget(evaluation);
  const images = [{ key: TARGET_KEY, order: 0, manifest: target }];
  await savePreImages(tx, migration.planUid, { workflowId, images }, context);
  return target;
}

async function imagesOf(tx: EntityManager, planUid: string): Promise<BeginVerdict['images']> {
  const rows = await tx
    .getRepository(PreImageEntity)
    .find({ where: { planUid }, order: { ordinal: 'ASC', key: 'ASC' } });
  return rows.filter(({ key }) => key !== TARGET_KEY).map(({ key, manifest }) => ({ key, manifest }));
}

interface Entered {
  request: BeginRequest;
  target: Record<string, unknown> | null;
  context: CallContext;
}

async function enter(tx: EntityManager, migration: MigrationRow, { request, target, context }: Entered) {
  const { planUid } = migration;
  const { withoutGovernance, ...asked } = request;
  const sequence = await tx.getRepository(ActivityBeginEntity).countBy({ planUid });
  const receipt = await appendAudit(tx, {
    actor: context.actor,
    action: 'activity.begun',
    object: planObject(migration),
    requestId: context.requestId,
    details: {
      ...{ uid: planUid, sequence, ...asked, at: context.now.toISOString() },
      ...(withoutGovernance === null ? {} : { withoutGovernance }),
      ...(request.activity === 'recordPreImages' && target ? { targetHash: hashOf(target) } : {}),
    },
  });
  await tx.getRepository(ActivityBeginEntity).insert({
    ...{ planUid, sequence, ...asked, entryId: receipt.entryId, begunAt: context.now },
    withoutGovernance: withoutGovernance === null ? null : new Date(withoutGovernance),
  });
  return { sequence, receipt };
}

async function refuse(
  tx: EntityManager,
  migration: MigrationRow,
  { request, reason, context }: { request: BeginRequest; reason: string; context: CallContext },
): Promise<BeginVerdict> {
  const answer = { allowed: false, reason, sequence: null, target: null, images: [] };
  const refusals = tx.getRepository(ActivityRefusalEntity);
  const since = new Date(context.now.getTime() - HOUR_MS);
  const { planUid } = migration;
  if ((await refusals.countBy({ planUid, refusedAt: MoreThan(since) })) >= MAX_REFUSALS)
    return { ...answer, receipt: null };
  const receipt = await appendAudit(tx, {
    actor: context.actor,
    action: 'activity.refused',
    object: planObject(migration),
    requestId: context.requestId,
    details: { uid: planUid, ...request, reason, at: context.now.toISOString() },
  });
  await refusals.insert({ planUid, entryId: receipt.entryId, refusedAt: context.now });
  return { ...answer, receipt };
}

/** Records that an activity which began here has ended as it should; what never began is not recorded. */
export async function done(
  tx: EntityManager,
  uid: string,
  { workflowId, runId, activityId }: DoneRequest,
  { actor, requestId, now }: CallContext,
): Promise<DoneVerdict> {
  const migration = await lockKnownMigration(tx, uid);
  const begins = tx.getRepository(ActivityBeginEntity);
  const begun = await begins.findOneBy({ planUid: uid, workflowId, runId, activityId });
  if (!begun) return { recorded: false };
  const { sequence } = begun;
  const { affected } = await begins.update({ planUid: uid, sequence, doneAt: IsNull() }, { doneAt: now });
  // What an end rests on has an entry, like what began.
  if (affected)
    await appendAudit(tx, {
      ...{ actor, requestId, action: 'activity.done', object: planObject(migration) },
      details: { uid, sequence, workflowId, runId, activityId, at: now.toISOString() },
    });
  return { recorded: true };
}
