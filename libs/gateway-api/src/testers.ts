import type { Testers } from '@scc/routing';
import { ruleAsksFor, besideRule, canaryAlone, isForHeader } from './beside.js';
import { isCanary, pairOf, ruleSendsTo, type RuleScope } from './references.js';
import type { Rule } from './schema.js';

const headerOf = ({ header, value }: Testers) => ({ type: 'Exact', name: header, value });

/** A rule that only requests of testers meet, and that leads them to the canary alone. */
export function isForTesters(rule: Rule, scope: RuleScope): boolean {
  const { testers } = scope;
  const { backendRefs = [] } = rule;
  return (
    testers !== undefined &&
    isForHeader(rule, headerOf(testers)) &&
    backendRefs.some((backend) => isCanary(backend, scope)) &&
    !backendRefs.some((backend) => pairOf(backend, scope))
  );
}

/** The rule that testers meet in the place of another one: the same, with the canary in the place of the workload. */
export function testersRules(rule: Rule, scope: RuleScope): Rule[] {
  const { testers } = scope;
  if (!testers || testers.isHeld || !ruleSendsTo(rule, scope) || ruleAsksFor(rule, testers.header)) return [];
  return [{ ...besideRule(rule, headerOf(testers), scope), backendRefs: canaryAlone(rule, scope) }];
}
