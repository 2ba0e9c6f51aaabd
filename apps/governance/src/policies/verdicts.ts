import type { ApprovalNeed, Evaluation, EvaluationRequest } from '@scc/governance-api';
import type { Violation } from '@scc/plan';
import {
  type CelData,
  type CompiledPolicy,
  evaluateRules,
  matchesPattern,
  type PolicyBinding,
  type RuleResult,
} from '@scc/policy';

export interface BoundPolicy {
  binding: PolicyBinding;
  policy: CompiledPolicy;
}

/** The results of policies for one migration, before anything is done about it. */
export interface Verdicts {
  violations: Violation[];
  warnings: string[];
  approvals: ApprovalNeed[];
  /** The same warnings as records. */
  warned: Evaluation['recorded'];
  /** Results of bindings that only audit, and of those that an exception lifted. */
  recorded: Evaluation['recorded'];
}

/** Whether a binding is about a migration at all. */
export const appliesTo = (
  { namespaces, kinds }: Pick<PolicyBinding, 'namespaces' | 'kinds'>,
  { plan, spec }: Pick<EvaluationRequest, 'plan' | 'spec'>,
): boolean =>
  namespaces.some((pattern) => matchesPattern(pattern, plan.namespace)) &&
  (kinds.length === 0 || kinds.some((kind) => kind === spec.workloadRef.kind));

/** Evaluates bound policies at once, for those whose expressions are known to be quick. */
export const verdictsOf = (
  bound: readonly BoundPolicy[],
  data: Record<string, CelData>,
  lifted: ReadonlySet<string>,
): Verdicts =>
  verdictsFrom(
    bound,
    bound.map(({ binding, policy }) => evaluateRules(policy, binding.parameters, data)),
    lifted,
  );

/**
 * What the results of bound policies mean, given in the order of the policies. `lifted` names the policies that an
 * exception lets this target pass.
 */
export function verdictsFrom(
  bound: readonly BoundPolicy[],
  results: readonly (readonly RuleResult[])[],
  lifted: ReadonlySet<string>,
): Verdicts {
  const verdicts: Verdicts = { violations: [], warnings: [], approvals: [], warned: [], recorded: [] };
  for (const [index, { binding }] of bound.entries())
    for (const result of results[index] ?? []) {
      if (result.outcome === 'passed') continue;
      if (lifted.has(binding.policy)) verdicts.recorded.push(recordOf(binding, result, 'exception'));
      else add(verdicts, binding, result);
    }
  return verdicts;
}

type Recorded = Evaluation['recorded'][number];
type Verdict = Exclude<RuleResult, { outcome: 'passed' }>;

function add(verdicts: Verdicts, binding: PolicyBinding, result: Verdict): void {
  switch (binding.action) {
    case 'enforce':
      enforce(verdicts, binding, result);
      return;
    case 'warn':
      verdicts.warnings.push(`${binding.policy}: ${result.message}`);
      verdicts.warned.push(recordOf(binding, result, 'warn'));
      return;
    case 'audit':
      verdicts.recorded.push(recordOf(binding, result, 'audit'));
  }
}

function recordOf(binding: PolicyBinding, result: Verdict, because: Recorded['because']): Recorded {
  const asks = result.outcome !== 'failed' && result.source.verdict === 'requireApproval';
  const { rule, message } = result;
  return {
    policy: binding.policy,
    binding: binding.name,
    rule,
    message,
    because,
    would: asks ? 'requireApproval' : 'deny',
  };
}

function enforce(verdicts: Verdicts, binding: PolicyBinding, result: Verdict): void {
  if (result.outcome === 'failed') {
    verdicts.violations.push({
      code: 'PolicyFailed',
      field: result.source.field,
      message: `policy ${binding.policy}, rule ${result.rule} cannot be evaluated: ${result.message}`,
      remedy:
        'Correct the expression of the policy and bind its new version, or unbind it; until then what it cannot judge is refused.',
    });
    return;
  }
  const { verdict, approval, field, remedy } = result.source;
  if (verdict === 'requireApproval' && approval)
    verdicts.approvals.push({ ...approval, reason: `${binding.policy}: ${result.message}` });
  else verdicts.violations.push({ code: pascalCase(binding.policy), field, message: result.message, remedy });
}

const pascalCase = (name: string): string =>
  name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
