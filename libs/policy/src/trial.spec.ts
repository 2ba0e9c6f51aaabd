import { describe, expect, it } from '@jest/globals';
import { policyDocumentSchema } from './document.js';
import { POLICY_INPUTS } from './facts.js';
import { compilePolicy, type CompiledPolicy } from './policy.js';
import { policyTestSchema, tryCases } from './trial.js';

function policyOf(rules: readonly { name: string; when: string; approval?: object }[]): CompiledPolicy {
  const document = policyDocumentSchema.parse({
    name: 'example',
    parameters: { most: { type: 'int', default: 5 } },
    rules: rules.map(({ approval, ...rule }) => ({
      ...rule,
      ...(approval ? { verdict: 'requireApproval', approval } : { verdict: 'deny' }),
      message: 'no',
      remedy: 'do not',
    })),
  });
  const compilation = compilePolicy(document, POLICY_INPUTS);
  if (!compilation.ok) throw new Error(JSON.stringify(compilation.issues));
  return compilation.policy;
}

const policy = policyOf([
  { name: 'large', when: 'workload.replicas > params.most' },
  { name: 'looser', when: 'scc.loosens', approval: { role: 'approver', count: 1 } },
  { name: 'busy', when: 'workload.requestsPerSecond > 100.0' },
]);
const tried = (cases: object[], parameters: object = {}) =>
  tryCases(
    policy,
    policyTestSchema.parse({ policy: 'example', parameters, cases: cases.map((one) => ({ name: 'it', ...one })) }),
  );
const faults = (one: object, parameters?: object): string[] | undefined => tried([one], parameters).results[0]?.faults;

describe('a test of a policy', () => {
  it.each<[string, object]>([
    ['nothing is expected and nothing said', {}],
    ['a rule denies as expected', { given: { workload: { replicas: 6 } }, expect: { deny: ['large'] } }],
    [
      'rules of both verdicts apply',
      {
        given: { workload: { replicas: 6 }, scc: { loosens: true } },
        expect: { deny: ['large'], requireApproval: ['looser'] },
      },
    ],
    [
      'a whole number stands for a fraction',
      { given: { workload: { requestsPerSecond: 101 } }, expect: { deny: ['busy'] } },
    ],
    [
      'labels and members of the spec are free',
      { given: { workload: { labels: { tier: 'gold' } }, plan: { cleanup: {} } } },
    ],
  ])('passes when %s', (_what, one) => {
    expect(faults(one)).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['a rule does not apply', { expect: { deny: ['large'] } }, 'the rule large was expected to deny, and does not'],
    ['a rule applies unexpectedly', { given: { workload: { replicas: 6 } } }, 'the rule large denies unexpectedly'],
    [
      'the verdict is another one',
      { given: { scc: { loosens: true } }, expect: { deny: ['looser'] } },
      'the rule looser asks for approval unexpectedly',
    ],
    ['there is no such rule', { expect: { deny: ['huge'] } }, 'expect.deny: the policy has no rule huge'],
    [
      'there is no such fact',
      { given: { workload: { replica: 6 } } },
      'given.workload.replica: policies read no such fact',
    ],
    [
      'a rule cannot be evaluated',
      { given: { workload: { requestsPerSecond: null } } },
      'the rule busy cannot be evaluated',
    ],
  ])('fails when %s', (_what, one, words) => {
    expect(faults(one)?.join('\n')).toContain(words);
  });

  it('uses its parameters, and names those that the policy does not have', () => {
    expect(faults({ given: { workload: { replicas: 6 } } }, { most: 6 })).toEqual([]);
    expect(tried([{}], { least: 1 })).toEqual({
      issues: [{ field: 'parameters.least', message: 'the policy has no parameter least' }],
      results: [],
    });
  });
});
