import { isDeepStrictEqual } from 'node:util';
import { reduced, respelled } from '@scc/routing';
import { rulesWithoutCanary } from './canary-rules.js';
import { MAX_BACKENDS, MAX_WEIGHT } from './limits.js';
import { ruleSendsTo, type RuleScope } from './references.js';
import type { Backend, Rule } from './schema.js';

const weightOf = ({ weight }: Backend): number => weight ?? 1;
const unweighted = (backend: Backend): object => ({ ...backend, weight: undefined });

/** Each backend once, with the weights of all places where a rule names it. */
function joined(backends: Backend[]): Backend[] {
  const once: Backend[] = [];
  for (const backend of backends) {
    const at = once.findIndex((one) => isDeepStrictEqual(unweighted(one), unweighted(backend)));
    const earlier = once[at];
    if (earlier) once[at] = { ...earlier, weight: weightOf(earlier) + weightOf(backend) };
    else once.push(backend);
  }
  return once;
}

/** Two ways to write the same rule compare as equal: of weights only proportions count, of a backend all its places. */
export function meaningOfRule({ backendRefs, ...rest }: Rule): unknown {
  const backends = backendRefs && joined(backendRefs);
  const weights = reduced((backends ?? []).map(weightOf));
  return { ...rest, backendRefs: backends?.map((backend, index) => ({ ...backend, weight: weights[index] })) };
}

/**
 * The same backends in other words. Of one that gets everything istiod does not look at the weight: it is named twice,
 * or once where it was named twice.
 */
function otherWords(backends: Backend[]): Backend[] {
  const serving = backends.filter((backend) => weightOf(backend) > 0);
  if (joined(serving).length === 1) {
    const first = backends.findIndex((backend) => weightOf(backend) > 0);
    return backends.flatMap((backend, index) => {
      if (index !== first) return weightOf(backend) > 0 ? [] : [backend];
      return serving.length > 1 ? [backend] : [backend, { ...backend }];
    });
  }
  const weights = respelled(backends.map(weightOf));
  return backends.map((backend, index) => ({ ...backend, weight: weights[index] ?? 0 }));
}

/** Rules that mean the same, with what is sent to the Services in other words. */
export const rulesInOtherWords = (rules: readonly Rule[], scope: RuleScope): Rule[] =>
  rules.map((rule) => {
    if (!rule.backendRefs || !ruleSendsTo(rule, scope)) return rule;
    const backendRefs = otherWords(rule.backendRefs);
    const isTooMuch = backendRefs.length > MAX_BACKENDS || backendRefs.some((one) => weightOf(one) > MAX_WEIGHT);
    return isTooMuch ? rule : { ...rule, backendRefs };
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
