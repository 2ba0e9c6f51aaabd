import { reduced } from '@scc/routing';
import { MAX_MATCHES_IN_ALL, MAX_RULES } from './limits.js';
import { isCanary, pairOf, ruleSendsTo, type RuleScope } from './references.js';
import { ALL, pathOf, type Match, type Rule } from './schema.js';

const conditionsOf = ({ matches }: Rule, { kind }: RuleScope): Match[] => {
  if (matches?.length) return matches;
  return [kind === 'HTTPRoute' ? ALL : {}];
};

/** Whether a rule says something of the testers' header itself, in any spelling. */
const asksForHeader = ({ matches }: Rule, header: string): boolean =>
  (matches ?? []).some(({ headers }) => (headers ?? []).some(({ name }) => name.toLowerCase() === header));

/** A rule that only requests of testers meet, and that leads them to the canary alone. */
export function isForTesters({ backendRefs = [], matches = [] }: Rule, scope: RuleScope): boolean {
  const { testers } = scope;
  if (!testers || matches.length === 0) return false;
  const asks = matches.every(({ headers }) =>
    (headers ?? []).some(({ name, value }) => name === testers.header && value === testers.value),
  );
  return (
    asks &&
    backendRefs.some((backend) => isCanary(backend, scope)) &&
    !backendRefs.some((backend) => pairOf(backend, scope))
  );
}

/**
 * The rule that testers meet in the place of another one: the same, with one condition more, by which it goes before, and
 * with the canary in the place of the workload.
 */
export function testersRules(rule: Rule, scope: RuleScope): Rule[] {
  const { testers } = scope;
  if (!testers || testers.isHeld || !ruleSendsTo(rule, scope) || asksForHeader(rule, testers.header)) return [];
  // A name is unique within a route.
  const { name: _name, filters, ...rest } = rule;
  const header = { type: 'Exact', name: testers.header, value: testers.value };
  const kept = filters?.filter(
    ({ requestMirror }) => requestMirror === undefined || !isCanary(requestMirror.backendRef, scope),
  );
  const backends = rule.backendRefs ?? [];
  const weights = reduced(backends.map(({ weight }) => weight ?? 1));
  const toCanary = backends.map((backend, index) => {
    const name = pairOf(backend, scope)?.canary ?? backend.name;
    return { ...backend, name, weight: weights[index] ?? 0 };
  });
  return [
    {
      ...rest,
      ...(kept?.length ? { filters: kept } : {}),
      matches: conditionsOf(rule, scope).map((match) => ({ ...match, headers: [...(match.headers ?? []), header] })),
      backendRefs: toCanary,
    },
  ];
}

/** Whether a route can have these rules. */
export function fitsIn(rules: readonly Rule[]): boolean {
  const matches = rules.reduce((sum, rule) => sum + (rule.matches?.length ?? 0), 0);
  return rules.length <= MAX_RULES && matches <= MAX_MATCHES_IN_ALL;
}

/** Why testers cannot be told from others by the rules of a route; null when they can. */
export function lackInRules(rules: readonly Rule[], scope: RuleScope): string | null {
  const { testers } = scope;
  if (!testers) return null;
  if (rules.some((rule) => ruleSendsTo(rule, scope) && asksForHeader(rule, testers.header)))
    return `it has rules for the header ${testers.header} already`;
  const sending = rules.filter((rule) => ruleSendsTo(rule, scope)).flatMap((rule) => conditionsOf(rule, scope));
  const paths = new Set(sending.map(pathOf));
  const others = rules.filter((rule) => !ruleSendsTo(rule, scope)).flatMap((rule) => rule.matches ?? []);
  if (others.some((match) => match.headers?.length && paths.has(pathOf(match))))
    return 'a rule of the same path leads requests with a header elsewhere, and one for testers could go before it';
  return fitsIn(rules.flatMap((rule) => [...testersRules(rule, scope), rule]))
    ? null
    : 'with a rule for testers beside each of its own it would have more than a route may have';
}
