import { isDeepStrictEqual } from 'node:util';
import { reduced, respelled } from '@scc/routing';
import { rulesWithoutCanary } from './canary-rules.js';
import { MAX_WEIGHT } from './limits.js';
import { ruleSendsTo, type RuleScope } from './references.js';
import type { Rule } from './schema.js';

/** Two ways to write the same rule compare as equal: of weights only proportions count. */
export function meaningOfRule({ backendRefs, ...rest }: Rule): unknown {
  const weights = reduced((backendRefs ?? []).map(({ weight }) => weight ?? 1));
  return { ...rest, backendRefs: backendRefs?.map((backend, index) => ({ ...backend, weight: weights[index] })) };
}

/** Rules that mean the same, with the weights of what is sent to the Services in other numbers. */
export const rulesInOtherWords = (rules: readonly Rule[], scope: RuleScope): Rule[] =>
  rules.map((rule) => {
    const { backendRefs = [] } = rule;
    const weights = respelled(backendRefs.map(({ weight }) => weight ?? 1));
    if (!ruleSendsTo(rule, scope) || weights.some((weight) => weight > MAX_WEIGHT)) return rule;
    return { ...rule, backendRefs: backendRefs.map((backend, index) => ({ ...backend, weight: weights[index] })) };
  });

/**
 * Rules as they were before the migration: word for word where they still mean the same. Rules that another client
 * changed meanwhile keep that change, without our part.
 */
export function restoredRules(
  now: readonly Rule[],
  before: readonly Rule[],
  scope: RuleScope,
): { rules: Rule[]; isChanged: boolean } {
  const known = before.map((rule) => ({ rule, meaning: meaningOfRule(rule) }));
  const rules = rulesWithoutCanary(now, scope).map((rule, index) => {
    const meaning = meaningOfRule(rule);
    // Its old place first: two rules may mean the same in other words.
    const candidates = [...known.slice(index, index + 1), ...known];
    return candidates.find((one) => isDeepStrictEqual(one.meaning, meaning))?.rule ?? rule;
  });
  return { rules, isChanged: !isDeepStrictEqual(rules, before) };
}
