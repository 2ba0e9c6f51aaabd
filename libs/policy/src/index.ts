export {
  matchesPattern,
  policyBindingSchema,
  policyDocumentSchema,
  policyNameSchema,
  type PolicyBinding,
  type PolicyDocument,
} from './document.js';
export { type CelData, toCelData } from './expression.js';
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
