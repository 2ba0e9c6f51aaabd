import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_MARKS,
  EARLIER_EDITORS_ANNOTATION,
  earlierEditorsAnnotation,
  EDITOR_ANNOTATION,
  EDITORS_ANNOTATION,
  editorsAnnotation,
  editorsOf,
  editViolations,
  type Identity,
  identityAnnotations,
  isRecord,
  parseSpec,
  phaseSchema,
  PLAN_GROUP,
  PLAN_KIND,
  type PlanSpec,
  unrecordable,
  type Violation,
} from '@scc/plan';
import { z } from 'zod';
import { notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import type { ClusterCache } from '../cache/cluster.js';
import {
  type Annotations,
  annotationsOf,
  callerIdentity,
  invalid,
  isAuthorship,
  marked,
  markIsFixed,
  metadataSchema,
  only,
  unrecordableViolations,
  wrongMarks,
} from './authorship.js';
import type { Hook, HookContext } from './hook.js';

const planSchema = z.looseObject({
  metadata: metadataSchema,
  spec: z.unknown(),
  status: z.looseObject({ phase: phaseSchema.optional().catch(undefined) }).nullish(),
});
type Plan = z.infer<typeof planSchema>;

interface PlanReview {
  readonly plan: Plan;
  /** Undefined for a new plan. */
  readonly before: Plan | undefined;
  /** The annotations' words on who wrote the plan; an author is missing when the plan is older than this. */
  readonly authorship: Annotations;
  /** Why the caller cannot be recorded, where this request would; null when they can. */
  readonly unrecordable: string | null;
}

/** The spec without the switch that anybody who may edit the plan may use: it changes nothing of what the plan would do. */
const deedOf = ({ spec }: Plan): string =>
  JSON.stringify({ ...(isRecord(spec) ? spec : { spec }), suspend: undefined });

/** The author stays the one who created the plan; every edit of what it would do is recorded beside. */
function authorshipOf(plan: Plan, before: Plan | undefined, identity: Identity): Annotations {
  if (!before) return identityAnnotations(AUTHOR_ANNOTATION, identity);
  const recorded = only(annotationsOf(before), isAuthorship);
  if (deedOf(plan) === deedOf(before)) return recorded;
  return {
    ...only(recorded, (name) => name !== EARLIER_EDITORS_ANNOTATION),
    ...earlierEditorsAnnotation(recorded, identity),
    ...identityAnnotations(EDITOR_ANNOTATION, identity),
    [EDITORS_ANNOTATION]: editorsAnnotation(recorded, identity.username),
  };
}

function planReviewOf(request: ReviewRequest): PlanReview | undefined {
  const { kind, operation, object, oldObject } = request;
  if (kind.group !== PLAN_GROUP || kind.kind !== PLAN_KIND) return undefined;
  const plan = planSchema.safeParse(object).data;
  if (!plan || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
  const before = operation === 'UPDATE' ? planSchema.safeParse(oldObject).data : undefined;
  if (operation === 'UPDATE' && !before) return undefined;
  const identity = callerIdentity(request);
  const isRecorded = !before || deedOf(plan) !== deedOf(before);
  return {
    plan,
    before,
    authorship: authorshipOf(plan, before, identity),
    unrecordable: isRecorded ? unrecordable(identity) : null,
  };
}

const NOT_A_PLAN = notUnderstood('it is not about a migration plan that is created or updated');

/** Records the author of a new plan and the editor of another, and keeps what was recorded. */
export function markAuthors(): Hook {
  return {
    path: '/mutate/plans',
    whenUndecided: 'allow',
    decide: (request): ReviewOutcome => {
      const review = planReviewOf(request);
      return review ? marked(review.plan, review.authorship) : NOT_A_PLAN;
    },
  };
}

const MOST_EDITORS = 100;

function authorViolations({ plan, before, authorship, unrecordable: reason }: PlanReview): Violation[] {
  const editors = editorsOf(authorship);
  const author = authorship[AUTHOR_ANNOTATION];
  const whose = author === undefined ? 'this plan has no record of its author' : `this plan was made by ${author}`;
  return [
    ...unrecordableViolations(reason),
    ...wrongMarks(plan, authorship).map((name) =>
      markIsFixed(name, name === AUTHOR_ANNOTATION || !before ? whose : `${whose}; the record of its editors differs`),
    ),
    ...(editors.length > MOST_EDITORS
      ? [
          {
            code: 'TooManyEditors',
            field: `metadata.annotations[${EDITORS_ANNOTATION}]`,
            message: `more than ${MOST_EDITORS} people edited this plan`,
            remedy: 'Delete the plan and create it again.',
          },
        ]
      : []),
  ];
}

/** A plan of a campaign works in the name of the campaign's author: none but the engine makes one, and it makes no others. */
function campaignViolations({ plan, before }: PlanReview, caller: string, engine: string): Violation[] {
  const [now, old] = [annotationsOf(plan), before && annotationsOf(before)];
  const isEngine = caller === engine;
  const wrong = old
    ? CAMPAIGN_MARKS.filter((name) => now[name] !== old[name])
    : CAMPAIGN_MARKS.filter((name) => (now[name] !== undefined) !== isEngine);
  return wrong.map((name) => ({
    code: 'AuthorIsFixed',
    field: `metadata.annotations[${name}]`,
    message:
      !old && isEngine ? `${caller} creates plans for campaigns alone` : 'it says for which campaign a plan was made',
    remedy: 'Leave the annotation as it is; create an SCCMigrationCampaign to have plans made for one.',
  }));
}

const isSame = (before: unknown, after: unknown): boolean => JSON.stringify(before) === JSON.stringify(after);

function specViolations({ plan, before }: PlanReview): { spec: PlanSpec | undefined; violations: Violation[] } {
  const parsed = parseSpec(plan.spec);
  // What stands already is not judged again: else nobody could take the finalizer of a plan from an earlier version.
  if (!parsed.ok) return { spec: undefined, violations: isSame(before?.spec, plan.spec) ? [] : parsed.violations };
  if (!before) return { spec: parsed.spec, violations: [] };
  const old = parseSpec(before.spec);
  const [then, now] = old.ok ? [old.spec, parsed.spec] : [before.spec, plan.spec];
  return { spec: parsed.spec, violations: editViolations(then, now, before.status?.phase) };
}

/** Objects that the plan names and the cluster does not have: they may be applied a moment later. */
function unknownNames(spec: PlanSpec, namespace: string, cache: ClusterCache): string[] {
  const { kind, name } = spec.workloadRef;
  const warnings: string[] = [];
  if (!cache.workloads.has(kind, namespace, name))
    warnings.push(`spec.workloadRef: namespace ${namespace} has no ${kind} ${name}`);
  if (!cache.constraints.compiled.byName.has(spec.targetSCC))
    warnings.push(`spec.targetSCC: the cluster has no SecurityContextConstraints ${spec.targetSCC}`);
  return warnings;
}

/** Checks a plan before it is stored: every violation at once. */
export function validatePlans({ cache, config }: HookContext): Hook {
  return {
    path: '/validate/plans',
    whenUndecided: 'deny',
    decide: (request): ReviewOutcome => {
      const review = planReviewOf(request);
      if (!review || !request.namespace) return NOT_A_PLAN;
      const { spec, violations } = specViolations(review);
      const caller = request.userInfo.username ?? '';
      const marks = campaignViolations(review, caller, config.engine);
      const all = [...violations, ...authorViolations(review), ...marks];
      if (all.length > 0) return invalid('plan', all);
      const warnings = spec && !review.before ? unknownNames(spec, request.namespace, cache) : [];
      return { allowed: true, warnings };
    },
  };
}
