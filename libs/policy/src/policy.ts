import { isOfType, type ParameterValue, type PolicyDocument, type PolicyRule } from './document.js';
import {
  type CelData,
  compileExpression,
  EvaluationFailed,
  evaluateBool,
  evaluateString,
  type Expression,
  longest,
  MAX_LIST,
  toCelData,
} from './expression.js';
import { ExpressionRefused } from './guard.js';

/** Something that is wrong with a policy, where it says it. */
export interface PolicyIssue {
  field: string;
  message: string;
}

interface CompiledRule {
  rule: PolicyRule;
  when: Expression;
  message: Expression | null;
}

export interface CompiledPolicy {
  document: PolicyDocument;
  variables: { name: string; expression: Expression }[];
  rules: CompiledRule[];
}

export type Compilation = { ok: true; policy: CompiledPolicy } | { ok: false; issues: PolicyIssue[] };

/** The words of one rule about one migration. */
export type RuleResult =
  | { rule: string; outcome: 'passed' }
  | { rule: string; outcome: 'applies'; verdict: PolicyRule['verdict']; message: string; source: PolicyRule }
  | { rule: string; outcome: 'failed'; expression: string; message: string; source: PolicyRule };

const MAX_TEXT = 64 * 1024;

/** Parses every expression of a policy and checks it; all issues are reported at once. */
export function compilePolicy(document: PolicyDocument, inputs: readonly string[]): Compilation {
  const issues: PolicyIssue[] = [];
  const known = new Set<string>();
  const compile = (field: string, source: string): Expression | null => {
    try {
      const expression = compileExpression(source, [...inputs, 'params', 'variables']);
      for (const name of expression.shape.params)
        if (!Object.hasOwn(document.parameters, name)) issues.push({ field, message: `has no parameter ${name}` });
      for (const name of expression.shape.variables)
        if (!known.has(name)) issues.push({ field, message: `has no variable ${name} before it` });
      return expression;
    } catch (error) {
      if (!(error instanceof ExpressionRefused)) throw error;
      issues.push({ field, message: error.message });
      return null;
    }
  };
  const variables = document.variables.flatMap(({ name, expression: source }, index) => {
    const expression = compile(`variables[${index}].expression`, source);
    known.add(name);
    return expression ? [{ name, expression }] : [];
  });
  const rules = document.rules.flatMap((rule, index) => {
    const when = compile(`rules[${index}].when`, rule.when);
    const { messageExpression } = rule;
    const message =
      messageExpression === undefined ? null : compile(`rules[${index}].messageExpression`, messageExpression);
    return when ? [{ rule, when, message }] : [];
  });
  return issues.length > 0 ? { ok: false, issues } : { ok: true, policy: { document, variables, rules } };
}

/** Runs a policy on examples, as saving does: an expression that fails on one of them would refuse migrations later. */
export function tryPolicy(policy: CompiledPolicy, examples: readonly Record<string, CelData>[]): PolicyIssue[] {
  const issues = new Map<string, PolicyIssue>();
  for (const example of examples)
    policy.rules.forEach((compiled, index) => {
      const [result] = evaluateRules({ ...policy, rules: [compiled] }, {}, example);
      if (result?.outcome === 'failed') {
        const field = `rules[${index}]`;
        issues.set(field, { field, message: `fails on an example, guard what may be absent: ${result.message}` });
      }
    });
  return [...issues.values()];
}

/** Evaluates every rule of a policy. Nothing is thrown: a rule that cannot be evaluated says so. */
export function evaluateRules(
  policy: CompiledPolicy,
  parameters: Record<string, ParameterValue>,
  data: Record<string, CelData>,
): RuleResult[] {
  const inputFor = inputs(policy, parameters, data);
  return policy.rules.map(({ rule, when, message }) => {
    try {
      if (!evaluateBool(when, inputFor(when))) return { rule: rule.name, outcome: 'passed' };
      const text = message ? evaluateString(message, inputFor(message)) : rule.message;
      return { rule: rule.name, outcome: 'applies', verdict: rule.verdict, message: text.slice(0, 500), source: rule };
    } catch (error) {
      if (!(error instanceof EvaluationFailed)) throw error;
      return { rule: rule.name, outcome: 'failed', expression: error.source, message: error.message, source: rule };
    }
  });
}

/** The variables of an expression. They are computed for the first expression that names them, and never otherwise. */
function inputs(
  { document, variables }: CompiledPolicy,
  parameters: Record<string, ParameterValue>,
  data: Record<string, CelData>,
): (expression: Expression) => Record<string, CelData> {
  const params = parametersOf(document, parameters);
  const computed = new Map<string, CelData>();
  const inputFor = ({ shape }: Expression): Record<string, CelData> => ({
    ...data,
    params,
    variables: Object.fromEntries([...shape.variables].map((name) => [name, valueOf(name)])),
  });
  const valueOf = (name: string): CelData => {
    const known = computed.get(name);
    if (known !== undefined) return known;
    const variable = variables.find((candidate) => candidate.name === name);
    if (!variable) throw new Error(`variable ${name} was compiled and is missing`);
    const value = limited(variable.expression, variable.expression.evaluate(inputFor(variable.expression)));
    computed.set(name, value);
    return value;
  };
  return inputFor;
}

function limited(expression: Expression, value: unknown): CelData {
  const data = value as CelData;
  if (typeof data === 'string' && data.length > MAX_TEXT) throw new EvaluationFailed(expression.source, 'is too long');
  if (longest(data) > MAX_LIST) throw new EvaluationFailed(expression.source, 'is too long a list');
  return data;
}

function parametersOf(document: PolicyDocument, given: Record<string, ParameterValue>): Record<string, CelData> {
  return Object.fromEntries(
    Object.entries(document.parameters).map(([name, { type, default: fallback }]) => {
      const value = given[name] ?? fallback;
      return [name, toCelData(value, new Set(), type === 'double')];
    }),
  );
}

/** The faults of the parameters that a binding gives to a policy. */
export function parameterIssues(document: PolicyDocument, given: Record<string, ParameterValue>): PolicyIssue[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const declared = document.parameters[name];
    if (!declared) return [{ field: `parameters.${name}`, message: `the policy has no parameter ${name}` }];
    return isOfType(value, declared.type) ? [] : [{ field: `parameters.${name}`, message: `is no ${declared.type}` }];
  });
}
