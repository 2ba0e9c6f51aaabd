import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_KIND,
  CAMPAIGN_LIVE_FIELDS,
  type CampaignSpec,
  identityAnnotations,
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
  /** What the annotations are to say of the author. */
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
    ? only(annotationsOf(before), isAuthorship)
    : identityAnnotations(AUTHOR_ANNOTATION, callerIdentity(request));
  return { campaign, before, authorship };
}

const NOT_A_CAMPAIGN = notUnderstood('it is not about a campaign that is created or updated');

/** Records the author of a new campaign, and keeps what was recorded: their rights decide about every plan of it. */
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
    ...wrongMarks(campaign, authorship).map((name) => markIsFixed(name, 'it records who created this campaign')),
  ];
}

/** Every field but those that may be edited while a campaign runs. */
const deedOf = (spec: CampaignSpec): [string, string][] =>
  Object.entries(spec)
    .filter(([field]) => !CAMPAIGN_LIVE_FIELDS.some((live) => live === field))
    .map(([field, value]) => [field, JSON.stringify(value)]);

/** Parsed again after their defaults are filled in, so that a default that is written out is no edit. */
function editViolations(before: CampaignSpec, after: CampaignSpec): Violation[] {
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
  { before, after }: { before: CampaignSpec | undefined; after: CampaignSpec },
): Violation[] {
  const known = new Set(before?.approvals.map((one) => JSON.stringify(one)));
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

/** Checks a campaign before it is stored: every violation at once. */
export const validateCampaigns = (): Hook => ({
  path: '/validate/campaigns',
  whenUndecided: 'deny',
  decide: (request): ReviewOutcome => {
    const review = campaignReviewOf(request);
    if (!review) return NOT_A_CAMPAIGN;
    const parsed = parseCampaign(review.campaign.spec);
    const old = review.before && parseCampaign(review.before.spec);
    const before = old?.ok ? old.spec : undefined;
    const caller = request.userInfo.username ?? '';
    const author = review.before ? review.authorship[AUTHOR_ANNOTATION] : caller;
    const violations = [
      ...authorViolations(request, review),
      ...(parsed.ok
        ? [
            ...(before ? editViolations(before, parsed.spec) : []),
            ...approvalViolations(caller, author, { before, after: parsed.spec }),
          ]
        : parsed.violations),
    ];
    return violations.length === 0 ? ALLOWED : invalid('campaign', violations);
  },
});
