export {
  matchesPattern,
  policyBindingSchema,
  policyDocumentSchema,
  policyNameSchema,
  type PolicyBinding,
  type PolicyDocument,
} from './document.js';
export { type CelData, toCelData } from './expression.js';
export {
  compilePolicy,
  evaluateRules,
  parameterIssues,
  tryPolicy,
  type CompiledPolicy,
  type RuleResult,
} from './policy.js';
