import { type CelData, POLICY_INPUTS, POLICY_MODULE, type PolicyFunctions, type RuleResult } from '@scc/policy';
import { DeadlineExceeded, DeadlineThreads } from '@scc/runtime';
import type { BoundPolicy } from './verdicts.js';

/** The time of an author's expressions on one plan, in milliseconds. */
export const TRIAL_MS = 2000;
/** The time of all bound policies for one decision, in milliseconds. */
export const DECISION_MS = 5000;

/** For documents that are not bound yet: they wait for each other, and no decision waits for them. */
export const trials = new DeadlineThreads<PolicyFunctions>({
  name: 'policy-trials',
  module: POLICY_MODULE,
  deadlineMs: TRIAL_MS,
});

const decisions = new DeadlineThreads<PolicyFunctions>({
  name: 'policy-decisions',
  module: POLICY_MODULE,
  deadlineMs: DECISION_MS,
  size: 2,
});

/**
 * Evaluates bound policies in a thread, in their order. A policy that takes too long fails, as one does that cannot be
 * evaluated; the others are evaluated all the same.
 */
export async function resultsOf(bound: readonly BoundPolicy[], data: Record<string, CelData>): Promise<RuleResult[][]> {
  const asked = bound.map(({ binding, policy }) => ({ document: policy.document, parameters: binding.parameters }));
  try {
    return await decisions.call('evaluateEach', asked, POLICY_INPUTS, data);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    if (bound.length > 1) return (await Promise.all(bound.map((one) => resultsOf([one], data)))).flat();
    return bound.map(({ policy }) => policy.document.rules.map((rule) => tooSlow(rule)));
  }
}

const tooSlow = (rule: BoundPolicy['policy']['document']['rules'][number]): RuleResult => ({
  rule: rule.name,
  outcome: 'failed',
  expression: rule.when,
  message: `the policy takes longer than ${DECISION_MS} ms`,
  source: rule,
});
