import { type Affinity, cookiePattern, expiredCookie, isSticky, keptCookie, type Split } from '@scc/routing';
import { besideRule, canaryAlone, isForHeader } from './beside.js';
import { isCanary, ruleSendsTo, type RuleScope } from './references.js';
import type { Backend, Filter, Rule } from './schema.js';

const SET_COOKIE = 'Set-Cookie';
const MODIFIER = 'ResponseHeaderModifier';

const headerOf = (affinity: Affinity) => ({
  type: 'RegularExpression',
  name: 'cookie',
  value: cookiePattern(affinity),
});

/** A rule that only clients meet which carry the cookie of the canary: nobody else knows its value. */
export const isForReturning = (rule: Rule, { affinity }: RuleScope): boolean =>
  affinity !== undefined && isForHeader(rule, headerOf(affinity));

/** The same backend, whose answers tell the client to keep a cookie. A filter of a type stands there once. */
function telling(backend: Backend, cookie: string): Backend {
  const { filters = [] } = backend;
  const header = { name: SET_COOKIE, value: cookie };
  const own = filters.find(({ type }) => type === MODIFIER);
  const add = [...(own?.responseHeaderModifier?.add ?? []), header];
  const filter: Filter = { type: MODIFIER, responseHeaderModifier: { ...own?.responseHeaderModifier, add } };
  return { ...backend, filters: own ? filters.map((one) => (one === own ? filter : one)) : [...filters, filter] };
}

/** The same rule, whose canary tells clients to come back to it. */
export function keeping(rule: Rule, split: Split, scope: RuleScope): Rule {
  const { affinity } = scope;
  if (!affinity || !isSticky(split) || !rule.backendRefs) return rule;
  const cookie = keptCookie(affinity);
  const backendRefs = rule.backendRefs.map((backend) =>
    isCanary(backend, scope) ? telling(backend, cookie) : backend,
  );
  return { ...rule, backendRefs };
}

/**
 * The rule that clients meet in the place of another one which carry the cookie of the canary. While both sides have a
 * share it leads there alone; at its ends it leads where all others do, and takes the cookie away.
 */
export function returningRules(rule: Rule, split: Split, scope: RuleScope): Rule[] {
  const { affinity } = scope;
  if (!affinity || split.mirror || !ruleSendsTo(rule, scope)) return [];
  const beside = besideRule(rule, headerOf(affinity), scope);
  if (isSticky(split)) return [{ ...beside, backendRefs: canaryAlone(rule, scope) }];
  const cookie = expiredCookie(affinity);
  return [{ ...beside, backendRefs: (rule.backendRefs ?? []).map((backend) => telling(backend, cookie)) }];
}
