import { z } from 'zod';
import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_EDITS_ANNOTATION,
  EARLIER_EDITORS_ANNOTATION,
  EDITOR_ANNOTATION,
  EDITORS_ANNOTATION,
} from './labels.js';
import { parsedJson } from './records.js';

/** A caller as the API server authenticated them; all of it is needed to ask later what they may do. */
export interface Identity {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  /** OpenShift narrows what a token may do by entries of it. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

type Annotations = Readonly<Record<string, string>>;

/** Lines of text, so that a ValidatingAdmissionPolicy can compare them with the request. */
const LINE = '\n';
const VALUE = '\t';
const KEY = '=';
const linesOf = (text: string): string[] => (text === '' ? [] : text.split(LINE));

/** Every annotation by which a plan or campaign says who wrote it; admission alone writes them. */
export const AUTHORSHIP_ANNOTATIONS: readonly string[] = [
  ...[AUTHOR_ANNOTATION, EDITOR_ANNOTATION].flatMap((name) => [name, `${name}-uid`, `${name}-groups`, `${name}-extra`]),
  EDITORS_ANNOTATION,
  EARLIER_EDITORS_ANNOTATION,
  CAMPAIGN_EDITS_ANNOTATION,
];

/**
 * The annotations that record an identity.
 *
 * @param name AUTHOR_ANNOTATION or EDITOR_ANNOTATION
 */
export function identityAnnotations(name: string, { username, uid, groups, extra }: Identity): Annotations {
  const entries = Object.entries(extra).map(([key, values]) => `${key}${KEY}${values.join(VALUE)}`);
  return {
    [name]: username,
    [`${name}-uid`]: uid,
    [`${name}-groups`]: groups.join(LINE),
    [`${name}-extra`]: entries.sort().join(LINE),
  };
}

/**
 * Why a caller cannot be recorded without being taken for another one, or null: names from certificates and issuers may
 * hold any character, and a group `a\nb` would be read back as two.
 */
export function unrecordable({ username, groups, extra }: Identity): string | null {
  if (username.includes(LINE)) return 'the user name has a line break';
  if (groups.some((group) => group.includes(LINE))) return 'the name of a group has a line break';
  const entries = Object.entries(extra);
  if (entries.some(([key]) => key.includes(LINE) || key.includes(KEY)))
    return 'the name of an extra has a line break or an equals sign';
  return entries.some(([, values]) => values.some((value) => value.includes(LINE) || value.includes(VALUE)))
    ? 'the value of an extra has a line break or a tab'
    : null;
}

/**
 * The identity that a plan's annotations record; undefined when any part of it is missing, for then no rights can be asked
 * what this person may do.
 *
 * @param name AUTHOR_ANNOTATION or EDITOR_ANNOTATION
 */
export function recordedIdentity(annotations: Annotations, name: string): Identity | undefined {
  const [username, uid, groups, extra] = ['', '-uid', '-groups', '-extra'].map((part) => annotations[`${name}${part}`]);
  if (username === undefined || uid === undefined || groups === undefined || extra === undefined) return undefined;
  const entries = linesOf(extra).map((line): [string, string[]] => {
    const at = line.indexOf(KEY);
    return [line.slice(0, at), line.slice(at + 1).split(VALUE)];
  });
  return { username, uid, groups: linesOf(groups), extra: Object.fromEntries(entries) };
}

/** Everybody but the author who edited what a plan would do. */
export const editorsOf = (annotations: Annotations): string[] => linesOf(annotations[EDITORS_ANNOTATION] ?? '');

/** The annotation after one more edit; the author and known editors are not added again. */
export function editorsAnnotation(annotations: Annotations, username: string): string {
  const known = editorsOf(annotations);
  const isKnown = known.includes(username) || annotations[AUTHOR_ANNOTATION] === username;
  return (isKnown ? known : [...known, username]).join(LINE);
}

const identitiesSchema = z.array(
  z.object({
    username: z.string(),
    uid: z.string(),
    groups: z.array(z.string()),
    extra: z.record(z.string(), z.array(z.string())),
  }),
);

/**
 * The identities of the editors before the last one, each as at their last edit; undefined when the record is not one of
 * admission.
 */
export function earlierEditorsOf(annotations: Annotations): z.infer<typeof identitiesSchema> | undefined {
  const text = annotations[EARLIER_EDITORS_ANNOTATION];
  return text === undefined ? [] : identitiesSchema.safeParse(parsedJson(text)).data;
}

/**
 * The annotation with the editors before the last one, after one more edit: nobody's part in a plan is forgotten because
 * another user edits it as well.
 *
 * @param annotations the record before the edit
 */
export function earlierEditorsAnnotation(annotations: Annotations, { username }: Identity): Annotations {
  const last = recordedIdentity(annotations, EDITOR_ANNOTATION);
  const known = [...(earlierEditorsOf(annotations) ?? []), ...(last ? [last] : [])];
  const kept = known.filter(
    (editor, at) =>
      editor.username !== username &&
      editor.username !== annotations[AUTHOR_ANNOTATION] &&
      !known.some((other, index) => index > at && other.username === editor.username),
  );
  return kept.length === 0 ? {} : { [EARLIER_EDITORS_ANNOTATION]: JSON.stringify(kept) };
}
