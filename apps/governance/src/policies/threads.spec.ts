import { describe, expect, it } from '@jest/globals';
import {
  compilePolicy,
  POLICY_INPUTS,
  type PolicyDocument,
  policyBindingSchema,
  policyDocumentSchema,
} from '@scc/policy';
import { defaultBindings, defaultPolicies } from './defaults.js';
import { policyExamples } from './examples.js';
import { checkDocument } from './store.js';
import { DECISION_MS, resultsOf, TRIAL_MS } from './threads.js';
import { type BoundPolicy, verdictsFrom } from './verdicts.js';

/** Within every limit of an expression's text, and minutes of work. */
const bomb = policyDocumentSchema.parse({
  name: 'bomb',
  parameters: {
    item: { type: 'strings', default: Array.from({ length: 100 }, (_none, at) => `${at}`) },
    text: { type: 'string', default: 'a'.repeat(1000) },
    part: { type: 'string', default: `${'a'.repeat(499)}b${'a'.repeat(500)}` },
  },
  variables: [{ name: 'r', expression: 'params.item + params.item + params.item' }],
  rules: [
    {
      name: 'loops',
      when: `!variables.r.all(p, variables.r.all(q, !(${Array.from({ length: 40 }, () => 'params.text').join(' + ')}).contains(params.part)))`,
      verdict: 'deny',
      message: 'no',
      remedy: 'do not',
    },
  ],
});

function bound(document: PolicyDocument): BoundPolicy {
  const compilation = compilePolicy(document, POLICY_INPUTS);
  if (!compilation.ok) throw new Error(JSON.stringify(compilation.issues));
  const binding = policyBindingSchema.parse({
    name: document.name,
    policy: document.name,
    version: 1,
    action: 'enforce',
  });
  return { binding, policy: compilation.policy };
}
const [example = {}] = policyExamples();
const defaults = defaultPolicies()
  .filter(({ name }) => defaultBindings().some(({ policy }) => policy === name))
  .map(bound);

describe('an expression that takes minutes', () => {
  it('is refused at its deadline before it is stored, and decisions are made meanwhile', async () => {
    const order: string[] = [];
    const stored = checkDocument(bomb).catch((error: unknown) => {
      order.push('refused');
      return error;
    });
    const results = await resultsOf(defaults, example);
    order.push('decided');
    expect(results.map((of) => of.map(({ outcome }) => outcome))).not.toContainEqual(
      expect.arrayContaining(['failed']),
    );
    expect(await stored).toMatchObject({
      kind: 'invalid',
      issues: [{ field: 'rules', message: expect.stringContaining(`longer than ${TRIAL_MS} ms`) }],
    });
    expect(order).toEqual(['decided', 'refused']);
  }, 60_000);

  it('fails its own policy alone when it is bound', async () => {
    const results = await resultsOf([...defaults, bound(bomb)], example);
    expect(results.at(-1)).toMatchObject([{ rule: 'loops', outcome: 'failed' }]);
    expect(
      results
        .slice(0, -1)
        .flat()
        .map(({ outcome }) => outcome),
    ).not.toContain('failed');
    expect(verdictsFrom([bound(bomb)], results.slice(-1), new Set()).violations).toMatchObject([
      { code: 'PolicyFailed', message: expect.stringContaining(`longer than ${DECISION_MS} ms`) },
    ]);
  }, 60_000);
});
