import { matchesPattern } from '@scc/policy';

/** Patterns of namespaces in which `*` stands for any characters. Empty: nowhere. */
export type Scope = readonly string[];

const ANYTHING = '*';
export const EVERYWHERE: Scope = [ANYTHING];

export const isEverywhere = (scope: Scope): boolean => scope.includes(ANYTHING);

export const isInScope = (scope: Scope, namespace: string): boolean =>
  scope.some((pattern) => matchesPattern(pattern, namespace));

/**
 * Whether every namespace that `inner` matches lies in the scope by one of its patterns. A `*` of `inner` stands as a
 * character that no namespace has, so that only a `*` of the scope takes it in.
 */
export const scopeCovers = (scope: Scope, inner: string): boolean => isInScope(scope, inner);

/** The part of a scope that lies in a namespace; all of it when the question names none. */
export const narrowedTo = (scope: Scope, namespace: string | null): Scope => {
  if (namespace === null) return scope;
  return isInScope(scope, namespace) ? [namespace] : [];
};

/** The scope that both allow. Exact for what access asks: one side is everywhere, or names single namespaces. */
export function intersection(wide: Scope, narrow: Scope): Scope {
  if (isEverywhere(narrow)) return wide;
  return narrow.filter((namespace) => isInScope(wide, namespace));
}

/**
 * A scope as patterns of LIKE, for `namespace like any (…)`; null when there is nothing to leave out, so that the query
 * keeps its index.
 */
export const likePatterns = (scope: Scope): string[] | null =>
  isEverywhere(scope)
    ? null
    : scope.map((pattern) => pattern.replace(/[\\%_]/g, String.raw`\$&`).replaceAll(ANYTHING, '%'));
