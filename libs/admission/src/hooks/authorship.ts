import { AUTHORSHIP_ANNOTATIONS, type Identity, type Violation } from '@scc/plan';
import { z } from 'zod';
import { patchBetween } from '../review/json-patch.js';
import { ALLOWED, type Answer, denied } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';

/** What reviews of plans and of campaigns share: who wrote them stands in annotations that admission alone writes. */

export const metadataSchema = z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() });
interface Authored {
  metadata: z.infer<typeof metadataSchema>;
}

export type Annotations = Readonly<Record<string, string>>;
export const annotationsOf = ({ metadata }: Authored): Annotations => metadata.annotations ?? {};
export const only = (annotations: Annotations, isKept: (name: string) => boolean): Annotations =>
  Object.fromEntries(Object.entries(annotations).filter(([name]) => isKept(name)));
export const isAuthorship = (name: string): boolean => AUTHORSHIP_ANNOTATIONS.includes(name);

export const callerIdentity = ({ userInfo }: ReviewRequest): Identity => ({
  username: userInfo.username ?? '',
  uid: userInfo.uid ?? '',
  groups: userInfo.groups ?? [],
  extra: userInfo.extra ?? {},
});

/** The object with this record of its authors and no other. */
export function marked(object: Authored, authorship: Annotations): Answer {
  const annotations = { ...only(annotationsOf(object), (name) => !isAuthorship(name)), ...authorship };
  const patch = patchBetween(object, { ...object, metadata: { ...object.metadata, annotations } });
  return patch.length === 0 ? ALLOWED : { allowed: true, patch };
}

/** The records of an object's authors that are not as they are to be. */
export const wrongMarks = (object: Authored, authorship: Annotations): string[] =>
  AUTHORSHIP_ANNOTATIONS.filter((name) => annotationsOf(object)[name] !== authorship[name]);

/** @param reason why the caller cannot be recorded; null when they can */
export const unrecordableViolations = (reason: string | null): Violation[] =>
  reason === null
    ? []
    : [
        {
          code: 'AuthorCannotBeRecorded',
          field: 'metadata.annotations',
          message: `your identity cannot be recorded unmistakably: ${reason}`,
          remedy: 'Use another account, or have the administrator of the issuer rename what is named.',
        },
      ];

export const markIsFixed = (name: string, message: string): Violation => ({
  code: 'AuthorIsFixed',
  field: `metadata.annotations[${name}]`,
  message,
  remedy: 'Leave the annotation as it is; admission alone writes it.',
});

const lineOf = ({ field, message, remedy }: Violation): string => `${field}: ${message}. ${remedy}`;

/** The refusal of an object with all of its violations. @param what such as `plan` */
export const invalid = (what: string, violations: readonly Violation[]): Answer =>
  denied(`the ${what} has ${violations.length} violation(s): ${violations.map(lineOf).join(' | ')}`, {
    code: 422,
    reason: 'Invalid',
  });
