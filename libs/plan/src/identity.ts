import { AUTHOR_ANNOTATION, EDITOR_ANNOTATION, EDITORS_ANNOTATION } from './labels.js';

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

/** Every annotation by which a plan says who wrote it; admission alone writes them. */
export const AUTHORSHIP_ANNOTATIONS: readonly string[] = [
  ...[AUTHOR_ANNOTATION, EDITOR_ANNOTATION].flatMap((name) => [name, `${name}-uid`, `${name}-groups`, `${name}-extra`]),
  EDITORS_ANNOTATION,
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
