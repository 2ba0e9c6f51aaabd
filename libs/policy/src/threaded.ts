import type { PolicyBinding, PolicyDocument } from './document.js';
import { type CelData, compileExpression, EvaluationFailed, toCelData } from './expression.js';
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
  numberIn: typeof numberIn;
  numberIssue: typeof numberIssue;
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

/** What an expression on the answer of a server reads. */
const ANSWER_INPUTS = ['status', 'body'];

/**
 * The number that an expression finds in the answer of a server; a truth is 1 or 0.
 * @throws ExpressionRefused; EvaluationFailed, also when it yields something else
 */
export function numberIn(source: string, answer: { status: number; body: unknown }): number {
  const found = compileExpression(source, ANSWER_INPUTS).evaluate({
    status: BigInt(answer.status),
    body: toCelData(answer.body),
  });
  if (typeof found === 'boolean') return found ? 1 : 0;
  if (typeof found === 'number' || typeof found === 'bigint') return Number(found);
  throw new EvaluationFailed(source, 'yields no number');
}

/** Why an expression cannot be evaluated on any answer, or null. */
export function numberIssue(source: string): string | null {
  try {
    compileExpression(source, ANSWER_INPUTS);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
