import { z } from 'zod';
import { policyBindingSchema, policyNameSchema } from './document.js';
import { celFactsOf, EXAMPLE_FACTS, POLICY_INPUTS, type PolicyFacts } from './facts.js';
import { type CompiledPolicy, evaluateRules, parameterIssues, type PolicyIssue } from './policy.js';

const rules = z.array(policyNameSchema).max(20).default([]);

/** What a policy is expected to say about migrations, for review beside the policy. */
export const policyTestSchema = z.strictObject({
  policy: policyNameSchema,
  parameters: policyBindingSchema.shape.parameters,
  cases: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(200),
        given: z
          .strictObject(
            Object.fromEntries(POLICY_INPUTS.map((input) => [input, z.record(z.string(), z.unknown()).optional()])),
          )
          .default({})
          .describe('Facts that differ from a small migration to a stricter SCC.'),
        expect: z
          .strictObject({ deny: rules, requireApproval: rules })
          .prefault({})
          .describe('The rules that apply, by verdict; nothing: the policy lets the migration pass.'),
      }),
    )
    .min(1)
    .max(200),
});
export type PolicyTest = z.infer<typeof policyTestSchema>;
type Case = PolicyTest['cases'][number];

export interface CaseResult {
  name: string;
  /** Why it failed; empty when all is as expected. */
  faults: string[];
}

/** Parts of the facts whose members have names of the user's. */
const OPEN = /^(plan|workload\.(labels|template|patchedTemplate)|namespace\.labels)(\.|$)/;

/** Tries a policy on the cases of a test. @returns the issues of the parameters, and a result for each case */
export function tryCases(
  policy: CompiledPolicy,
  { parameters, cases }: PolicyTest,
): { issues: PolicyIssue[]; results: CaseResult[] } {
  const issues = parameterIssues(policy.document, parameters);
  if (issues.length > 0) return { issues, results: [] };
  return { issues, results: cases.map((one) => ({ name: one.name, faults: faultsOf(policy, parameters, one) })) };
}

function faultsOf(policy: CompiledPolicy, parameters: PolicyTest['parameters'], { given, expect }: Case): string[] {
  const unknown: string[] = [];
  const facts = merged(EXAMPLE_FACTS, given, '', unknown) as PolicyFacts;
  if (unknown.length > 0) return unknown.map((field) => `given.${field}: policies read no such fact`);
  const results = evaluateRules(policy, parameters, celFactsOf(facts));
  const names = new Set(policy.document.rules.map(({ name }) => name));
  const failed = results.flatMap((result) =>
    result.outcome === 'failed' ? [`the rule ${result.rule} cannot be evaluated: ${result.message}`] : [],
  );
  const wrong = (['deny', 'requireApproval'] as const).flatMap((verdict) => {
    const wanted = new Set(expect[verdict]);
    const got = new Set(
      results.flatMap((result) => (result.outcome === 'applies' && result.verdict === verdict ? [result.rule] : [])),
    );
    return [
      ...[...wanted]
        .filter((rule) => !got.has(rule))
        .map((rule) =>
          names.has(rule)
            ? `the rule ${rule} was expected to ${said(verdict)}, and does not`
            : `expect.${verdict}: the policy has no rule ${rule}`,
        ),
      ...[...got]
        .filter((rule) => !wanted.has(rule))
        .map((rule) => `the rule ${rule} ${said(verdict, 's')} unexpectedly`),
    ];
  });
  return [...failed, ...wrong];
}

const said = (verdict: 'deny' | 'requireApproval', ending = ''): string =>
  verdict === 'deny' ? (ending === '' ? 'deny' : 'denies') : `ask${ending} for approval`;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The base with other values; members that facts never have are named. */
function merged(base: unknown, over: unknown, field: string, unknown: string[]): unknown {
  if (!isRecord(base) || !isRecord(over)) return over;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const inner = field === '' ? key : `${field}.${key}`;
    if (!Object.hasOwn(base, key) && !OPEN.test(field)) unknown.push(inner);
    else result[key] = merged(Object.hasOwn(base, key) ? base[key] : undefined, value, inner, unknown);
  }
  return result;
}
