import { z } from 'zod';
import type { Answer } from './outcome.js';
import { compileCheck } from './quick-check.js';

const groupVersion = { group: z.string(), version: z.string().min(1) };

/** The question of the API server. Objects stay unread until a hook parses the kind that it knows. */
export const reviewRequestSchema = z.object({
  uid: z.string().min(1).max(128),
  kind: z.object({ ...groupVersion, kind: z.string().min(1) }),
  resource: z.object({ ...groupVersion, resource: z.string().min(1) }),
  subResource: z.string().nullish(),
  name: z.string().nullish(),
  namespace: z.string().nullish(),
  operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
  userInfo: z.object({
    username: z.string().nullish(),
    uid: z.string().nullish(),
    groups: z.array(z.string()).nullish(),
    extra: z.record(z.string(), z.array(z.string())).nullish(),
  }),
  object: z.unknown().optional(),
  oldObject: z.unknown().optional(),
  dryRun: z.boolean().nullish(),
});
export type ReviewRequest = z.infer<typeof reviewRequestSchema>;

const placedSchema = z.looseObject({ metadata: z.looseObject({ namespace: z.string().min(1) }) });
const isPlaced = compileCheck(placedSchema);

/** An object that says it is elsewhere than the request; selectors of webhooks go by the request. */
const isMisplaced = ({ namespace, object, oldObject }: ReviewRequest): boolean =>
  [object, oldObject].some((value) => isPlaced(value) && value.metadata.namespace !== namespace);

const envelopeSchema = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.unknown(),
});
const isReview = compileCheck(z.looseObject({ ...envelopeSchema.shape, request: reviewRequestSchema }));
const uidSchema = z.object({ request: z.object({ uid: z.string().min(1).max(128) }) });

/** `read`: a request. `denied`: nonsense that names its uid. `refused`: not even that. */
export type ParsedReview =
  | { readonly is: 'read'; readonly request: ReviewRequest }
  | { readonly is: 'denied'; readonly uid: string; readonly why: string }
  | { readonly is: 'refused'; readonly why: string };

const firstIssue = ({ issues: [issue] }: z.ZodError): string =>
  issue ? `${issue.path.map(String).join('.') || 'review'}: ${issue.message}` : 'unreadable';

/** Reads a review that was parsed as JSON. A part that is not understood is never taken for something else. */
export function parseReview(value: unknown): ParsedReview {
  if (!isReview(value)) return unread(value);
  const { request } = value;
  return isMisplaced(request)
    ? { is: 'denied', uid: request.uid, why: 'the object is in another namespace than the request' }
    : { is: 'read', request };
}

function unread(value: unknown): ParsedReview {
  const envelope = envelopeSchema.safeParse(value);
  const error = envelope.success ? reviewRequestSchema.safeParse(envelope.data.request).error : envelope.error;
  const why = error ? firstIssue(error) : 'unreadable';
  const uid = envelope.success ? uidSchema.safeParse(value) : undefined;
  return uid?.success ? { is: 'denied', uid: uid.data.request.uid, why } : { is: 'refused', why };
}

/** The sizes of one warning, and of all, that the API server accepts; it cuts the rest with a warning of its own. */
const WARNING_LENGTH = 256;
const WARNINGS = 10;

const clipped = (text: string): string =>
  text.length <= WARNING_LENGTH ? text : `${text.slice(0, WARNING_LENGTH - 1)}…`;

function statusOf({ message = 'denied', code = 403, reason = 'Forbidden' }: Answer) {
  return { status: 'Failure', message, reason, code };
}

/** The AdmissionReview that carries an answer. */
export function reviewOf(uid: string, answer: Answer): string {
  const { allowed, patch = [], warnings = [], audit = {} } = answer;
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed,
      ...(allowed ? {} : { status: statusOf(answer) }),
      ...(allowed && patch.length > 0
        ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
        : {}),
      ...(warnings.length > 0 ? { warnings: warnings.slice(0, WARNINGS).map(clipped) } : {}),
      ...(Object.keys(audit).length > 0 ? { auditAnnotations: audit } : {}),
    },
  });
}
