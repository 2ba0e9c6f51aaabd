/** What stands in the place of a secret. */
export const REMOVED = '[removed]';

const SECRET =
  /pass(word|wd|phrase)?$|secret$|token$|credentials?$|(api|private|access|signing)[-_.]?key$|authorization$|cookie$/i;

/** Secrets as they look in any text: keys, tokens, headers, the user of an address, and values of telling names. */
const IN_TEXT: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, REMOVED],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, REMOVED],
  [/\b(bearer|basic) +[\w.~+/=-]{6,}/gi, `$1 ${REMOVED}`],
  [/\bsha256~[\w-]{20,}/g, REMOVED],
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/g, REMOVED],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@:"']*:[^\s/@"']+@/gi, `$1${REMOVED}@`],
  [
    /((?:pass(?:word|wd|phrase)?|secret|token|credentials?|(?:api|private|access|signing)[-_.]?key)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'{}[\]]+)/gi,
    `$1${REMOVED}`,
  ],
];

/** A text without the secrets that can be told by their look. */
export const redactText = (text: string): string =>
  IN_TEXT.reduce((left, [pattern, by]) => left.replace(pattern, by), text);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A variable of a container: its value may be anything. */
const isVariable = (value: Record<string, unknown>): boolean =>
  typeof value['name'] === 'string' && typeof value['value'] === 'string';

/** Members that hold whole objects once more, as text. */
const COPIES = new Set(['kubectl.kubernetes.io/last-applied-configuration']);

/**
 * JSON without secrets: no content of Secrets, no values of variables of containers, no members of telling names, no
 * copies of whole objects, and every text as `redactText` leaves it.
 */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (!isRecord(value)) return value;
  const isSecret = value['kind'] === 'Secret';
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (key === 'env' && Array.isArray(member)) return [key, member.map(variable)];
      if (isSecret && (key === 'data' || key === 'stringData')) return [key, REMOVED];
      if (COPIES.has(key) || (typeof member === 'string' && SECRET.test(key))) return [key, REMOVED];
      return [key, redact(member)];
    }),
  );
}

const variable = (value: unknown): unknown =>
  isRecord(value) && isVariable(value) ? { ...value, value: REMOVED } : redact(value);
