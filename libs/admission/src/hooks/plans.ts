import {
  AUTHOR_ANNOTATION,
  editViolations,
  parseSpec,
  phaseSchema,
  PLAN_GROUP,
  PLAN_KIND,
  type PlanSpec,
  type Violation,
} from '@scc/plan';
import { z } from 'zod';
import { ALLOWED, denied, notUnderstood, type Outcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import { patchBetween } from '../review/json-patch.js';
import type { ClusterCache } from '../cache/cluster.js';
import type { Hook, HookContext } from './hook.js';

/** Who made the plan: four-eyes rules compare approvers with it, so nobody but this webhook writes it. */

const planSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }),
  spec: z.unknown(),
  status: z.looseObject({ phase: phaseSchema.optional().catch(undefined) }).nullish(),
});
type Plan = z.infer<typeof planSchema>;

interface PlanReview {
  readonly plan: Plan;
  /** Undefined for a new plan. */
  readonly before: Plan | undefined;
  /** Who must be named as the author; undefined for a plan that is older than this webhook. */
  readonly author: string | undefined;
}

function planReviewOf({ kind, operation, object, oldObject, userInfo }: ReviewRequest): PlanReview | undefined {
  if (kind.group !== PLAN_GROUP || kind.kind !== PLAN_KIND) return undefined;
  const plan = planSchema.safeParse(object).data;
  if (!plan) return undefined;
  if (operation === 'CREATE') return { plan, before: undefined, author: userInfo.username ?? '' };
  const before = operation === 'UPDATE' ? planSchema.safeParse(oldObject).data : undefined;
  return before && { plan, before, author: before.metadata.annotations?.[AUTHOR_ANNOTATION] };
}

const NOT_A_PLAN = notUnderstood('it is not about a migration plan that is created or updated');

/** Names the author of a new plan, and keeps that name. */
export function markAuthors(): Hook {
  return {
    path: '/mutate/plans',
    whenUndecided: 'allow',
    decide: (request): Outcome => {
      const review = planReviewOf(request);
      if (!review) return NOT_A_PLAN;
      const { plan, author } = review;
      if (plan.metadata.annotations?.[AUTHOR_ANNOTATION] === author) return ALLOWED;
      const annotations = { ...plan.metadata.annotations, [AUTHOR_ANNOTATION]: author };
      return { allowed: true, patch: patchBetween(plan, { ...plan, metadata: { ...plan.metadata, annotations } }) };
    },
  };
}

function authorViolations({ plan, author }: PlanReview): Violation[] {
  if (plan.metadata.annotations?.[AUTHOR_ANNOTATION] === author) return [];
  return [
    {
      code: 'AuthorIsFixed',
      field: `metadata.annotations[${AUTHOR_ANNOTATION}]`,
      message: author === undefined ? 'nobody recorded who made this plan' : `this plan was made by ${author}`,
      remedy: 'Leave the annotation as it is; admission alone writes it.',
    },
  ];
}

function specViolations({ plan, before }: PlanReview): { spec: PlanSpec | undefined; violations: Violation[] } {
  const parsed = parseSpec(plan.spec);
  if (!parsed.ok) return { spec: undefined, violations: parsed.violations };
  const old = before && parseSpec(before.spec);
  const edits = old?.ok ? editViolations(old.spec, parsed.spec, before?.status?.phase) : [];
  return { spec: parsed.spec, violations: edits };
}

/** What the plan names and the cluster does not have: it may be applied a moment later. */
function unknownNames(spec: PlanSpec, namespace: string, cache: ClusterCache): string[] {
  const { kind, name } = spec.workloadRef;
  const warnings: string[] = [];
  if (!cache.workloads.has(kind, namespace, name))
    warnings.push(`spec.workloadRef: namespace ${namespace} has no ${kind} ${name}`);
  if (!cache.constraints.compiled.byName.has(spec.targetSCC))
    warnings.push(`spec.targetSCC: the cluster has no SecurityContextConstraints ${spec.targetSCC}`);
  return warnings;
}

const lineOf = ({ field, message, remedy }: Violation): string => `${field}: ${message}. ${remedy}`;

/** Checks a plan before it is stored: every violation at once. */
export function validatePlans({ cache }: HookContext): Hook {
  return {
    path: '/validate/plans',
    whenUndecided: 'deny',
    decide: (request): Outcome => {
      const review = planReviewOf(request);
      if (!review || !request.namespace) return NOT_A_PLAN;
      const { spec, violations } = specViolations(review);
      const all = [...violations, ...authorViolations(review)];
      if (all.length > 0)
        return denied(`the plan has ${all.length} violation(s): ${all.map(lineOf).join(' | ')}`, {
          code: 422,
          reason: 'Invalid',
        });
      const warnings = spec && !review.before ? unknownNames(spec, request.namespace, cache) : [];
      return { allowed: true, warnings };
    },
  };
}
