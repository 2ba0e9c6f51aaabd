import { divided, reduced, type Split } from '@scc/routing';
import { mirrorRules, type MirrorAbility } from './mirror-rules.js';
import { isCanary, pairOf, ruleSendsTo, type RuleScope } from './references.js';
import type { Backend, Rule } from './schema.js';
import { isForReturning, keeping, returningRules } from './returning.js';
import { isForTesters, testersRules } from './testers.js';

/** Absent is 1, not 0. */
const weightOf = ({ weight }: Backend): number => weight ?? 1;

const withWeights = (backends: readonly Backend[], weights: readonly number[]): Backend[] => {
  const small = reduced(weights);
  return backends.map((backend, index) => ({ ...backend, weight: small[index] ?? 0 }));
};

function divide(backends: Backend[], percent: number, scope: RuleScope): Backend[] {
  const parts = backends.flatMap((backend): { backend: Backend; weight: number }[] => {
    const pair = pairOf(backend, scope);
    if (!pair) return [{ backend, weight: weightOf(backend) * 100 }];
    const { stable, canary } = divided(weightOf(backend), percent);
    return [
      { backend, weight: stable },
      { backend: { ...backend, name: pair.canary }, weight: canary },
    ];
  });
  return withWeights(
    parts.map(({ backend }) => backend),
    parts.map(({ weight }) => weight),
  );
}

/** Gives each canary's weight back to the backend that it was taken from, which stands right before it. */
function undivide(backends: Backend[], scope: RuleScope): Backend[] {
  if (!backends.some((backend) => isCanary(backend, scope))) return backends;
  const kept: Backend[] = [];
  const weights: number[] = [];
  for (const backend of backends)
    if (isCanary(backend, scope) && kept.length > 0)
      weights[kept.length - 1] = (weights[kept.length - 1] ?? 0) + weightOf(backend);
    else {
      kept.push(backend);
      weights.push(weightOf(backend));
    }
  return withWeights(kept, weights);
}

/** A rule that exists only to mirror: nothing but a migration knows the canary's Service. */
export const isMirrorRule = ({ filters }: Rule, scope: RuleScope): boolean =>
  (filters ?? []).some(({ requestMirror }) => requestMirror !== undefined && isCanary(requestMirror.backendRef, scope));

/** The rules without anything that a migration added. Weights keep their proportions, not their numbers. */
export const rulesWithoutCanary = (rules: readonly Rule[], scope: RuleScope): Rule[] =>
  rules
    .filter((rule) => ![isMirrorRule, isForTesters, isForReturning].some((isOurs) => isOurs(rule, scope)))
    .map((rule) => (rule.backendRefs ? { ...rule, backendRefs: undivide(rule.backendRefs, scope) } : rule));

/** The rules with requests of the Services divided as asked, and otherwise as their user wrote them. */
export function rulesWithCanary(
  rules: readonly Rule[],
  split: Split,
  { scope, ability }: { scope: RuleScope; ability: MirrorAbility },
): Rule[] {
  const { canary, mirror } = split;
  const base = rulesWithoutCanary(rules, scope);
  const mirrors = mirror ? mirrorRules(base, mirror, { scope, ability }) : new Map<number, Rule>();
  const all = base.flatMap((rule, index) => {
    const before = mirrors.get(index);
    return before ? [before, rule] : [rule];
  });
  const withShares = (rule: Rule): Rule =>
    ruleSendsTo(rule, scope) ? { ...rule, backendRefs: divide(rule.backendRefs ?? [], canary, scope) } : rule;
  // A rule with a condition more goes before, wherever it stands; among equals the user's come first.
  return [
    ...all.map((rule) => keeping(withShares(rule), split, scope)),
    ...all.flatMap((rule) => testersRules(rule, scope)),
    ...all.flatMap((rule) => returningRules(rule, split, scope)).map(withShares),
  ];
}
