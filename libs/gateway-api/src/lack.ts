import { lackBeside } from './beside.js';
import { ruleSendsTo, type RuleScope } from './references.js';
import { returningRules } from './returning.js';
import type { Filter, Rule } from './schema.js';
import type { ServingParent } from './status.js';
import { testersRules } from './testers.js';

/** All rules that may stand beside one of the user's. */
const besideOf =
  (scope: RuleScope) =>
  (rule: Rule): Rule[] => [...testersRules(rule, scope), ...returningRules(rule, { canary: 50, mirror: null }, scope)];

/** Why testers cannot be told from others by the rules of a route; null when they can. */
export function lackInRules(rules: readonly Rule[], scope: RuleScope): string | null {
  const { testers } = scope;
  return testers ? lackBeside(rules, { scope, header: testers.header, beside: besideOf(scope) }) : null;
}

const changesCookies = ({ responseHeaderModifier }: Filter): boolean => {
  const { add = [], set = [], remove = [] } = responseHeaderModifier ?? {};
  const names = [...add.map(({ name }) => name), ...set.map(({ name }) => name), ...remove];
  return names.some((name) => name.toLowerCase() === 'set-cookie');
};

/** Istio's, and OpenShift's own, which is one: others may know neither such a match nor filters of a backend. */
const KNOWN = /^(istio\.io|openshift\.io)\//;

/** Why clients cannot be kept at the canary by the rules of a route; null when they can. */
export function lackOfCookies(
  rules: readonly Rule[],
  { scope, served }: { scope: RuleScope; served: readonly ServingParent[] },
): string | null {
  if (!scope.affinity) return null;
  if (scope.kind === 'GRPCRoute') return 'callers of gRPC keep no cookies';
  const other = served.find(({ controller }) => !KNOWN.test(controller));
  if (other)
    return `nothing says that ${other.controller} knows matches by regular expressions and filters of a backend`;
  const filters = rules
    .filter((rule) => ruleSendsTo(rule, scope))
    .flatMap((rule) => [...(rule.filters ?? []), ...(rule.backendRefs ?? []).flatMap((one) => one.filters ?? [])]);
  if (filters.some(changesCookies)) return 'it changes the header Set-Cookie of answers itself';
  return lackBeside(rules, { scope, header: 'cookie', beside: besideOf(scope) });
}
