import { isDeepStrictEqual } from 'node:util';
import { reduced } from '@scc/routing';
import { rulesWithoutCanary } from './canary-rules.js';
import type { RuleScope } from './references.js';
import type { Rule } from './schema.js';

/** Two ways to write the same rule compare as equal: of weights only proportions count. */
function meaningOf({ backendRefs, ...rest }: Rule): unknown {
  const weights = reduced((backendRefs ?? []).map(({ weight }) => weight ?? 1));
  return { ...rest, backendRefs: backendRefs?.map((backend, index) => ({ ...backend, weight: weights[index] })) };
}

/**
 * Rules as they were before the migration: word for word where they still mean the same. Rules that another client
 * changed meanwhile keep that change, without our part.
 */
export function restoredRules(
  now: readonly Rule[],
  before: readonly Rule[],
  scope: RuleScope,
): { rules: Rule[]; isChanged: boolean } {
  const known = before.map((rule) => ({ rule, meaning: meaningOf(rule) }));
  const rules = rulesWithoutCanary(now, scope).map((rule, index) => {
    const meaning = meaningOf(rule);
    // Its old place first: two rules may mean the same in other words.
    const candidates = [...known.slice(index, index + 1), ...known];
    return candidates.find((one) => isDeepStrictEqual(one.meaning, meaning))?.rule ?? rule;
  });
  return { rules, isChanged: !isDeepStrictEqual(rules, before) };
}
