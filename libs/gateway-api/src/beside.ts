import { reduced } from '@scc/routing';
import { MAX_MATCHES_IN_ALL, MAX_RULES } from './limits.js';
import { isCanary, pairOf, ruleSendsTo, type RuleScope } from './references.js';
import { ALL, pathOf, type Backend, type Match, type Rule } from './schema.js';

type HeaderCondition = NonNullable<Match['headers']>[number];

const conditionsOf = ({ matches }: Rule, { kind }: RuleScope): Match[] => {
  if (matches?.length) return matches;
  return [kind === 'HTTPRoute' ? ALL : {}];
};

/** Whether a rule says something of a header itself, in any spelling. */
export const ruleAsksFor = ({ matches }: Rule, header: string): boolean =>
  (matches ?? []).some(({ headers }) => (headers ?? []).some(({ name }) => name.toLowerCase() === header));

/** Whether all that meet a rule carry a header. */
export const isForHeader = ({ matches = [] }: Rule, header: HeaderCondition): boolean =>
  matches.length > 0 &&
  matches.every(({ headers }) =>
    (headers ?? []).some(
      ({ type = 'Exact', name, value }) => type === header['type'] && name === header.name && value === header.value,
    ),
  );

/** The same rule, without a mirror of ours and with one condition more, by which it goes before. */
export function besideRule(rule: Rule, header: HeaderCondition, scope: RuleScope): Rule {
  // A name is unique within a route.
  const { name: _name, filters, ...rest } = rule;
  const kept = filters?.filter(
    ({ requestMirror }) => requestMirror === undefined || !isCanary(requestMirror.backendRef, scope),
  );
  const matches = conditionsOf(rule, scope).map((match) => ({ ...match, headers: [...(match.headers ?? []), header] }));
  return { ...rest, ...(kept?.length ? { filters: kept } : {}), matches };
}

/** The backends of a rule with the canary in the place of the workload. */
export function canaryAlone({ backendRefs = [] }: Rule, scope: RuleScope): Backend[] {
  const weights = reduced(backendRefs.map(({ weight }) => weight ?? 1));
  return backendRefs.map((backend, index) => {
    const name = pairOf(backend, scope)?.canary ?? backend.name;
    return { ...backend, name, weight: weights[index] ?? 0 };
  });
}

/** Whether a route can have these rules. */
export function fitsIn(rules: readonly Rule[]): boolean {
  const matches = rules.reduce((sum, rule) => sum + (rule.matches?.length ?? 0), 0);
  return rules.length <= MAX_RULES && matches <= MAX_MATCHES_IN_ALL;
}

/** Why callers cannot be told apart by a header within the rules of a route, with these beside each; null when they can. */
export function lackBeside(
  rules: readonly Rule[],
  { scope, header, beside }: { scope: RuleScope; header: string; beside: (rule: Rule) => Rule[] },
): string | null {
  if (rules.some((rule) => ruleSendsTo(rule, scope) && ruleAsksFor(rule, header)))
    return `it has rules for the header ${header} already`;
  const sending = rules.filter((rule) => ruleSendsTo(rule, scope)).flatMap((rule) => conditionsOf(rule, scope));
  const paths = new Set(sending.map(pathOf));
  const others = rules.filter((rule) => !ruleSendsTo(rule, scope)).flatMap((rule) => rule.matches ?? []);
  if (others.some((match) => match.headers?.length && paths.has(pathOf(match))))
    return 'a rule of the same path leads requests with a header elsewhere, and one beside it could go before it';
  return fitsIn(rules.flatMap((rule) => [...beside(rule), rule]))
    ? null
    : 'with a rule more beside each of its own it would have more than a route may have';
}
