import {
  AUTHOR_ANNOTATION,
  AUTHORSHIP_ANNOTATIONS,
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
import { patchBetween } from '../review/json-patch.js';
import { ALLOWED, denied, notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import type { Hook } from './hook.js';
import { callerIdentity } from './plans.js';

const campaignSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }),
  spec: z.unknown(),
});
type Campaign = z.infer<typeof campaignSchema>;
type Annotations = Readonly<Record<string, string>>;

interface CampaignReview {
  readonly campaign: Campaign;
  /** Undefined for a new campaign. */
  readonly before: Campaign | undefined;
  /** What the annotations are to say of the author. */
  readonly authorship: Annotations;
}

const annotationsOf = ({ metadata }: Campaign): Annotations => metadata.annotations ?? {};
const isAuthorship = (name: string): boolean => AUTHORSHIP_ANNOTATIONS.includes(name);
const only = (annotations: Annotations, isKept: (name: string) => boolean): Annotations =>
  Object.fromEntries(Object.entries(annotations).filter(([name]) => isKept(name)));

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
    if (!review) return NOT_A_CAMPAIGN;
    const { campaign, authorship } = review;
    const annotations = { ...only(annotationsOf(campaign), (name) => !isAuthorship(name)), ...authorship };
    const patch = patchBetween(campaign, { ...campaign, metadata: { ...campaign.metadata, annotations } });
    return patch.length === 0 ? ALLOWED : { allowed: true, patch };
  },
});

const violation = (code: string, field: string, message: string, remedy: string): Violation => ({
  code,
  field,
  message,
  remedy,
});

function authorViolations(request: ReviewRequest, { campaign, before, authorship }: CampaignReview): Violation[] {
  const annotations = annotationsOf(campaign);
  const reason = before ? null : unrecordable(callerIdentity(request));
  return [
    ...(reason === null
      ? []
      : [
          violation(
            'AuthorCannotBeRecorded',
            'metadata.annotations',
            `your identity cannot be recorded unmistakably: ${reason}`,
            'Use another account, or have the administrator of the issuer rename what is named.',
          ),
        ]),
    ...AUTHORSHIP_ANNOTATIONS.filter((name) => annotations[name] !== authorship[name]).map((name) =>
      violation(
        'AuthorIsFixed',
        `metadata.annotations[${name}]`,
        'it records who created this campaign',
        'Leave the annotation as it is; admission alone writes it.',
      ),
    ),
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

const lineOf = ({ field, message, remedy }: Violation): string => `${field}: ${message}. ${remedy}`;

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
    if (violations.length === 0) return ALLOWED;
    return denied(`the campaign has ${violations.length} violation(s): ${violations.map(lineOf).join(' | ')}`, {
      code: 422,
      reason: 'Invalid',
    });
  },
});
