import { describe, expect, it } from '@jest/globals';
import { matchesPattern, policyDocumentSchema } from './document.js';
import { compilePolicy, evaluateRules, parameterIssues, tryPolicy, type CompiledPolicy } from './policy.js';
import { toCelData, type CelData } from './expression.js';

const document = (over: Record<string, unknown> = {}) =>
  policyDocumentSchema.parse({
    name: 'example',
    rules: [{ name: 'rule', when: 'true', verdict: 'deny', message: 'no', remedy: 'do not' }],
    ...over,
  });
const rule = (when: string, over: Record<string, unknown> = {}) =>
  document({ rules: [{ name: 'rule', when, verdict: 'deny', message: 'no', remedy: 'do not', ...over }] });

const inputs = ['facts'];
function compiled(source: ReturnType<typeof document>): CompiledPolicy {
  const result = compilePolicy(source, inputs);
  if (!result.ok) throw new Error(result.issues.map(({ message }) => message).join());
  return result.policy;
}
const issuesOf = (source: ReturnType<typeof document>): string[] => {
  const result = compilePolicy(source, inputs);
  return result.ok ? [] : result.issues.map(({ field, message }) => `${field}: ${message}`);
};
const data = (facts: unknown): Record<string, CelData> => ({ facts: toCelData(facts) });
const outcomes = (when: string, facts: unknown): unknown =>
  evaluateRules(compiled(rule(when)), {}, data(facts)).map(({ outcome }) => outcome);

describe('compilePolicy', () => {
  it.each([
    ['an expression that does not parse', 'facts.a ==', 'does not parse'],
    ['an unknown identifier', 'facts.a == other.b', 'knows no other'],
    ['a type as a value', 'type(facts.a) == int', 'calls type'],
    ['an unknown function', 'facts.a.explode()', 'calls explode'],
    ['a parameter that is not declared', 'facts.a > params.most', 'has no parameter most'],
    ['a variable that is not declared', 'variables.more', 'has no variable more'],
    ['a message', 'google.protobuf.Duration{seconds: 1} == facts.a', 'makes a message'],
    [
      'three comprehensions in each other',
      'facts.l.all(a, facts.l.all(b, facts.l.all(c, a == c)))',
      'more than 2 deep',
    ],
    [
      'an expression of more than 200 nodes',
      Array<string>(70).fill('facts.a == 1').join(' || '),
      'more than 200 nodes',
    ],
    ['a loop over a sum of lists', '(facts.l + facts.l).all(a, a > 1)', 'sum of lists'],
  ])('refuses %s', (_case, when, reason) => {
    expect(issuesOf(rule(when)).join()).toContain(reason);
  });

  it('names the field of every issue at once', () => {
    const source = document({
      variables: [{ name: 'a', expression: 'nobody' }],
      rules: [
        { name: 'one', when: 'nothing', verdict: 'deny', message: 'm', remedy: 'r' },
        { name: 'two', when: 'true', verdict: 'deny', message: 'm', messageExpression: '1 +', remedy: 'r' },
      ],
    });
    expect(issuesOf(source).map((issue) => issue.split(':')[0])).toEqual([
      'variables[0].expression',
      'rules[0].when',
      'rules[1].messageExpression',
    ]);
  });
});

describe('evaluateRules', () => {
  it.each<[string, string, unknown, string]>([
    ['counts in integers', 'facts.replicas + 1 == 4', { replicas: 3 }, 'applies'],
    ['takes remainders', 'facts.replicas % 2 == 1', { replicas: 3 }, 'applies'],
    ['passes what is false', 'facts.replicas > 3', { replicas: 3 }, 'passed'],
    ['fails on an absent key', 'facts.labels.tier == "gold"', { labels: {} }, 'failed'],
    ['tests for a key', 'has(facts.labels.tier) && facts.labels.tier == "gold"', { labels: {} }, 'passed'],
    [
      'reads keys that are not identifiers',
      '"app.io/tier" in facts.labels',
      { labels: { 'app.io/tier': 'a' } },
      'applies',
    ],
    ['fails on null arithmetic', 'facts.dependents > 3', { dependents: null }, 'failed'],
    ['fails on a result that is not a bool', 'facts.replicas', { replicas: 3 }, 'failed'],
    ['fails on a list that is too long', 'facts.l.exists(a, a == 0)', { l: Array<number>(1001).fill(1) }, 'failed'],
    ['takes a list of the largest size', 'facts.l.exists(a, a == 0)', { l: Array<number>(1000).fill(1) }, 'passed'],
    [
      'fails on nested loops over long lists',
      'facts.l.all(a, facts.l.all(b, a == b))',
      { l: Array<number>(317).fill(1) },
      'failed',
    ],
  ])('%s', (_case, when, facts, outcome) => {
    expect(outcomes(when, facts)).toEqual([outcome]);
  });

  it('names the expression that failed', () => {
    const [result] = evaluateRules(compiled(rule('facts.missing == 1')), {}, data({}));
    expect(result).toMatchObject({ outcome: 'failed', expression: 'facts.missing == 1' });
  });

  it('matches patterns in linear time', () => {
    // A matcher that tries every way to divide the text would not come to an end.
    expect(outcomes('facts.text.matches("^(a+)+$")', { text: `${'a'.repeat(1000)}!` })).toEqual(['passed']);
  });

  it('computes a variable when a rule reads it, and not before', () => {
    const source = document({
      variables: [
        { name: 'double', expression: 'facts.replicas * 2' },
        { name: 'broken', expression: 'facts.missing' },
        { name: 'more', expression: 'variables.double + 1' },
      ],
      rules: [
        { name: 'fine', when: 'variables.more == 7', verdict: 'deny', message: 'm', remedy: 'r' },
        { name: 'bad', when: 'variables.broken == 1', verdict: 'deny', message: 'm', remedy: 'r' },
      ],
    });
    const results = evaluateRules(compiled(source), {}, data({ replicas: 3 }));
    expect(results).toMatchObject([{ outcome: 'applies' }, { outcome: 'failed', expression: 'facts.missing' }]);
  });

  it('takes parameters from the binding and messages from an expression', () => {
    const source = document({
      parameters: { most: { type: 'int', default: 5 }, share: { type: 'double', default: 1 } },
      rules: [
        {
          name: 'size',
          when: 'facts.replicas > params.most && params.share < 1.5',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 2 },
          message: 'm',
          messageExpression: '"more than " + string(params.most)',
          remedy: 'r',
        },
      ],
    });
    expect(evaluateRules(compiled(source), {}, data({ replicas: 4 }))).toMatchObject([{ outcome: 'passed' }]);
    expect(evaluateRules(compiled(source), { most: 3 }, data({ replicas: 4 }))).toMatchObject([
      { outcome: 'applies', verdict: 'requireApproval', message: 'more than 3' },
    ]);
    expect(parameterIssues(source, { most: 'many', least: 1 }).map(({ field }) => field)).toEqual([
      'parameters.most',
      'parameters.least',
    ]);
  });
});

describe('tryPolicy', () => {
  it('finds a rule that would fail where an optional fact is absent', () => {
    const policy = compiled(rule('facts.labels.tier == "gold"'));
    expect(tryPolicy(policy, [data({ labels: { tier: 'gold' } })])).toEqual([]);
    expect(tryPolicy(policy, [data({ labels: {} })])).toMatchObject([{ field: 'rules[0]' }]);
  });
});

describe('matchesPattern', () => {
  it.each([
    ['*', 'anything', true],
    ['shop', 'shop', true],
    ['shop', 'shop-2', false],
    ['shop-*', 'shop-2', true],
    ['*-prod', 'shop-prod', true],
    ['a*b*c', 'a-b-c', true],
    ['a*bc', 'abc', true],
    ['a*bcb*c', 'abcbc', true],
    ['ab*ba', 'aba', false],
  ])('%s on %s is %s', (pattern, text, matches) => {
    expect(matchesPattern(pattern, text)).toBe(matches);
  });
});

describe('a text that a policy makes', () => {
  it('is short where a loop reads it in each turn', () => {
    const source = document({
      parameters: { part: { type: 'string', default: 'x'.repeat(1000) } },
      variables: [{ name: 'long', expression: 'params.part + params.part + params.part + params.part + params.part' }],
      rules: [
        { name: 'once', when: 'variables.long.contains("y")', verdict: 'deny', message: 'm', remedy: 'r' },
        {
          name: 'looped',
          when: 'facts.items.all(item, !variables.long.contains(item))',
          ...{ verdict: 'deny', message: 'm', remedy: 'r' },
        },
      ],
    });
    expect(evaluateRules(compiled(source), {}, data({ items: ['y'] }))).toMatchObject([
      { outcome: 'passed' },
      { outcome: 'failed', message: expect.stringContaining('more than 4096 characters in a loop') },
    ]);
  });
});
