import type { PolicyBinding, PolicyDocument } from './document.js';
import type { CelData } from './expression.js';
import {
  type CompiledPolicy,
  compilePolicy,
  evaluateRules,
  type PolicyIssue,
  type RuleResult,
  tryPolicy,
} from './policy.js';

/**
 * What a thread runs on behalf of a caller. An expression of two nested loops can take minutes within all limits of its
 * text, so nothing here is called in a thread that serves anybody else. Arguments and results are plain data.
 */
export interface PolicyFunctions {
  trialIssues: typeof trialIssues;
  evaluateEach: typeof evaluateEach;
}

/** The module of `PolicyFunctions`. */
export const POLICY_MODULE = new URL('./threaded.js', import.meta.url);

const MAX_COMPILED = 200;
const compiled = new Map<string, CompiledPolicy>();

/** @throws Error when the document does not compile */
function compiledOf(document: PolicyDocument, inputs: readonly string[]): CompiledPolicy {
  const key = JSON.stringify([inputs, document]);
  const known = compiled.get(key);
  if (known) return known;
  const compilation = compilePolicy(document, inputs);
  if (!compilation.ok) throw new Error(`the policy ${document.name} does not compile`);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(key, compilation.policy);
  return compilation.policy;
}

/** Compiles a document and tries it on examples. */
export function trialIssues(
  document: PolicyDocument,
  inputs: readonly string[],
  examples: readonly Record<string, CelData>[],
): PolicyIssue[] {
  const compilation = compilePolicy(document, inputs);
  return compilation.ok ? tryPolicy(compilation.policy, examples) : compilation.issues;
}

/** The results of the rules of several policies on the same data, in the order of the policies. */
export const evaluateEach = (
  asked: readonly { document: PolicyDocument; parameters: PolicyBinding['parameters'] }[],
  inputs: readonly string[],
  data: Record<string, CelData>,
): RuleResult[][] =>
  asked.map(({ document, parameters }) => evaluateRules(compiledOf(document, inputs), parameters, data));
