export {
  matchesPattern,
  policyBindingSchema,
  policyDocumentSchema,
  policyNameSchema,
  type ParameterValue,
  type PolicyBinding,
  type PolicyDocument,
  type PolicyRule,
} from './document.js';
export { type CelData, toCelData } from './expression.js';
export {
  compilePolicy,
  evaluateRules,
  parameterIssues,
  tryPolicy,
  type CompiledPolicy,
  type PolicyIssue,
  type RuleResult,
} from './policy.js';
