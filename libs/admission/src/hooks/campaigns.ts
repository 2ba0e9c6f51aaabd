import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_KIND,
  CAMPAIGN_LIVE_FIELDS,
  type CampaignSpec,
  editsAnnotation,
  identityAnnotations,
  isRecord,
  parseCampaign,
  PLAN_GROUP,
  unrecordable,
  type Violation,
} from '@scc/plan';
import { z } from 'zod';
import { ALLOWED, notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
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
import type { Hook } from './hook.js';

const campaignSchema = z.looseObject({
  metadata: metadataSchema,
  spec: z.unknown(),
});
type Campaign = z.infer<typeof campaignSchema>;

interface CampaignReview {
  readonly campaign: Campaign;
  /** Undefined for a new campaign. */
  readonly before: Campaign | undefined;
  /** What the annotations are to say of the author, and of who changed its course. */
  readonly authorship: Annotations;
}

function campaignReviewOf(request: ReviewRequest): CampaignReview | undefined {
  const { kind, operation, object, oldObject } = request;
  if (kind.group !== PLAN_GROUP || kind.kind !== CAMPAIGN_KIND) return undefined;
  const campaign = campaignSchema.safeParse(object).data;
  if (!campaign || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
  const before = operation === 'UPDATE' ? campaignSchema.safeParse(oldObject).data : undefined;
  if (operation === 'UPDATE' && !before) return undefined;
  const authorship = before
    ? {
        ...only(annotationsOf(before), isAuthorship),
        ...editsAnnotation(annotationsOf(before), {
          ...{ before: before.spec, after: campaign.spec, by: request.userInfo.username ?? '' },
        }),
      }
    : identityAnnotations(AUTHOR_ANNOTATION, callerIdentity(request));
  return { campaign, before, authorship };
}

const NOT_A_CAMPAIGN = notUnderstood('it is not about a campaign that is created or updated');

/**
 * Records the author of a new campaign, whose rights decide about every plan of it, and who changes its course; keeps what
 * was recorded.
 */
export const markCampaignAuthors = (): Hook => ({
  path: '/mutate/campaigns',
  whenUndecided: 'allow',
  decide: (request): ReviewOutcome => {
    const review = campaignReviewOf(request);
    return review ? marked(review.campaign, review.authorship) : NOT_A_CAMPAIGN;
  },
});

const violation = (code: string, field: string, message: string, remedy: string): Violation => ({
  code,
  field,
  message,
  remedy,
});

function authorViolations(request: ReviewRequest, { campaign, before, authorship }: CampaignReview): Violation[] {
  return [
    ...unrecordableViolations(before ? null : unrecordable(callerIdentity(request))),
    ...wrongMarks(campaign, authorship).map((name) =>
      markIsFixed(name, 'it records who created this campaign, or who changed its course'),
    ),
  ];
}

/** Every field but those that may be edited while a campaign runs. */
const deedOf = (spec: unknown): [string, string][] =>
  Object.entries(isRecord(spec) ? spec : { spec })
    .filter(([field]) => !CAMPAIGN_LIVE_FIELDS.some((live) => live === field))
    .map(([field, value]) => [field, JSON.stringify(value)]);

/**
 * Both are parsed, so that a default that is written out is no edit; or, where the earlier one cannot be, neither is.
 */
function editViolations(before: unknown, after: unknown): Violation[] {
  const [old, now] = [new Map(deedOf(before)), new Map(deedOf(after))];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((field) => old.get(field) !== now.get(field))
    .map((field) =>
      violation(
        'FieldIsFixed',
        `spec.${field}`,
        'it cannot be changed once the campaign exists',
        `Create another campaign. Only ${CAMPAIGN_LIVE_FIELDS.join(', ')} may be edited.`,
      ),
    );
}

/** An approval is given by its giver, and not by the author. */
function approvalViolations(
  caller: string,
  author: string | undefined,
  { before, after }: { before: readonly unknown[]; after: CampaignSpec },
): Violation[] {
  const known = new Set(before.map((one) => JSON.stringify(one)));
  return after.approvals.flatMap((approval, at) => {
    if (known.has(JSON.stringify(approval))) return [];
    const field = `spec.approvals[${at}].by`;
    if (approval.by !== caller)
      return [
        violation('InvalidValue', field, `it says ${approval.by}, and you are ${caller}`, `Set it to ${caller}.`),
      ];
    return approval.by === author
      ? [violation('InvalidValue', field, 'the author of a campaign does not approve its waves', 'Ask another user.')]
      : [];
  });
}

/** Of a campaign whose spec can be parsed; the one before it may be from a version that took other specs. */
function courseViolations(
  { campaign, before }: CampaignReview,
  after: CampaignSpec,
  { caller, author }: { caller: string; author: string | undefined },
): Violation[] {
  if (!before) return approvalViolations(caller, author, { before: [], after });
  const old = parseCampaign(before.spec);
  return [
    ...(old.ok ? editViolations(old.spec, after) : editViolations(before.spec, campaign.spec)),
    ...approvalViolations(caller, author, { before: old.ok ? old.spec.approvals : approvalsIn(before.spec), after }),
  ];
}

const approvalsIn = (spec: unknown): readonly unknown[] =>
  z.object({ approvals: z.array(z.unknown()) }).safeParse(spec).data?.approvals ?? [];

/** Checks a campaign before it is stored: every violation at once. */
export const validateCampaigns = (): Hook => ({
  path: '/validate/campaigns',
  whenUndecided: 'deny',
  decide: (request): ReviewOutcome => {
    const review = campaignReviewOf(request);
    if (!review) return NOT_A_CAMPAIGN;
    const { spec } = review.campaign;
    const parsed = parseCampaign(spec);
    const caller = request.userInfo.username ?? '';
    const author = review.before ? review.authorship[AUTHOR_ANNOTATION] : caller;
    const violations = [
      ...authorViolations(request, review),
      ...(parsed.ok ? courseViolations(review, parsed.spec, { caller, author }) : parsed.violations),
    ];
    return violations.length === 0 ? ALLOWED : invalid('campaign', violations);
  },
});
