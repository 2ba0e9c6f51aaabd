export {
  policyDryRunSchema,
  policyVersionSchema,
  storedBindingSchema,
  storedSchema,
  type PolicyDryRun,
  type PolicyVersion,
  type StoredBinding,
} from './answers.js';
export {
  matchesPattern,
  policyBindingSchema,
  policyDocumentSchema,
  policyNameSchema,
  type PolicyBinding,
  type PolicyDocument,
} from './document.js';
export { type CelData } from './expression.js';
export { celFactsOf, EXAMPLE_FACTS, POLICY_INPUTS } from './facts.js';
export { POLICY_MODULE, type PolicyFunctions } from './threaded.js';
export {
  compilePolicy,
  evaluateRules,
  parameterIssues,
  tryPolicy,
  type CompiledPolicy,
  type PolicyIssue,
  type RuleResult,
} from './policy.js';
export { type CaseResult, policyTestSchema, type PolicyTest, tryCases } from './trial.js';
