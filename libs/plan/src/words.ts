/**
 * The words of the domain without its schemas. Code that runs in a workflow's sandbox imports this front door
 * (`@scc/plan/words`): it holds neither zod nor a Node built-in.
 */
export { type CampaignPhase, isCampaignOver, type MemberState } from './campaign-phases.js';
export { isWaveApproved, memberKey, startable } from './members.js';
export { setCondition } from './conditions.js';
export { COMMANDS, type CommandName } from './commands.js';
export { PLAN_TYPE, type PlanRef } from './kinds.js';
export { isTerminal, type Phase, PHASES } from './phases.js';
export { isRecord, ownValue } from './records.js';
export { SEARCH_ATTRIBUTES } from './search-attributes.js';
export { MAX_WARNINGS } from './limits.js';
export { causeWords, headlineOf, plural, sentenceOf } from './sentences.js';
export { requestsWords } from './shares.js';
export { isDivided, movesPodByPod, type Strategy, strategyWords } from './strategies.js';
export { commandSentence, stepWords, undoWords } from './step-words.js';
export { type WaitReason, waitWords } from './waits.js';
