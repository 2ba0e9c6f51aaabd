/**
 * The words of the domain without its schemas. Code that runs in a workflow's sandbox imports this front door
 * (`@scc/plan/words`): it holds neither zod nor a Node built-in.
 */
export { COMMANDS, STEPS, type CommandName, type Step } from './commands.js';
export {
  PLAN_API_VERSION,
  PLAN_GROUP,
  PLAN_KIND,
  PLAN_PLURAL,
  PLAN_TYPE,
  PLAN_VERSION,
  plansPath,
  type PlanRef,
} from './kinds.js';
export {
  AUTHOR_ANNOTATION,
  CANARY_ROLE,
  CRITICALITY_LABEL,
  ENFORCE_LABEL,
  FIELD_MANAGER,
  FINALIZER,
  GRANT_LABEL,
  GRANTED_BY_ANNOTATION,
  isCanaryObject,
  PLAN_ANNOTATION,
  PLAN_LABEL,
  ROLE_LABEL,
  UNREADY_ANNOTATION,
  WORKLOADS_LABEL,
} from './labels.js';
export { isTerminal, PHASES, TERMINAL_PHASES, type Phase, type TerminalPhase } from './phases.js';
export { isRecord } from './records.js';
export { RISK_BANDS, type RiskBand } from './risk-bands.js';
export { SEARCH_ATTRIBUTES } from './search-attributes.js';
export { approvalNeeds, gateSentence, headlineOf, nextStepAfter, plural, sentenceOf } from './sentences.js';
export { WAIT_REASONS, type WaitReason } from './waits.js';
