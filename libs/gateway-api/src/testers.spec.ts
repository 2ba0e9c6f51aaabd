import { rulesWithCanary, rulesWithoutCanary } from './canary-rules.js';
import { lackInRules } from './lack.js';
import { restoredRules } from './restore.js';
import { ability, aRule, at, scope as plain, to, weightsOf } from './rules.fixture.js';
import type { Rule } from './schema.js';

const testers = { header: 'x-tester', value: 'yes' };
const scope = { ...plain, testers };
const ASKED = [{ type: 'Exact', name: 'x-tester', value: 'yes' }];
const SAFE = { percentage: 100, methods: 'Safe' } as const;

const divided = (rules: Rule[], canary = 25, mirror: typeof SAFE | null = null): Rule[] =>
  rulesWithCanary(rules, { canary, mirror }, { scope, ability });

describe('rules for testers', () => {
  it('lead to the canary alone, keep the proportions of others, and stand behind all that the user wrote', () => {
    const rules = [
      aRule({ name: 'all', backendRefs: [to('ledger', 8), to('other', 2)] }),
      aRule({ backendRefs: [to('other')] }),
    ];
    const [first, second, ofTesters, ...more] = divided(rules);
    expect(weightsOf(first)).toEqual({ ledger: 60, 'ledger-scc-canary': 20, other: 20 });
    expect(second).toEqual(rules[1]);
    expect(ofTesters).toEqual({
      matches: [at('/', { headers: ASKED })],
      backendRefs: [to('ledger-scc-canary', 80), to('other', 20)],
    });
    expect(more).toEqual([]);
  });

  it('match each condition of a rule, and all requests of a rule without any', () => {
    const other = { type: 'Exact', name: 'x-region', value: 'eu' };
    const conditions = [at('/a', { headers: [other] }), at('/b', { method: 'GET' })];
    const [, ofTesters] = divided([aRule({ matches: conditions })]);
    expect(ofTesters?.matches).toEqual([
      at('/a', { headers: [other, ...ASKED] }),
      at('/b', { method: 'GET', headers: ASKED }),
    ]);
    expect(divided([{ backendRefs: [to('ledger')] }])[1]?.matches).toEqual([at('/', { headers: ASKED })]);
    const grpc = { ...scope, kind: 'GRPCRoute' } as const;
    const rules = rulesWithCanary(
      [{ backendRefs: [to('ledger')] }],
      { canary: 0, mirror: null },
      { scope: grpc, ability },
    );
    expect(rules[1]?.matches).toEqual([{ headers: ASKED }]);
  });

  it('are there beside rules that mirror, whose condition for a method would go before theirs', () => {
    const rules = divided([aRule()], 0, SAFE);
    const ofTesters = rules.filter(({ matches }) => matches?.every(({ headers }) => headers?.length));
    expect(ofTesters.flatMap(({ matches = [] }) => matches.map(({ method }) => method))).toEqual([
      ...['GET', 'HEAD', 'OPTIONS'],
      undefined,
    ]);
    expect(JSON.stringify(ofTesters)).not.toContain('requestMirror');
  });

  it('are the same when they are written twice, and leave nothing behind', () => {
    const rules = [aRule({ name: 'all' }), aRule({ matches: [at('/x')] })];
    const once = divided(rules, 50, SAFE);
    expect(divided(once, 50, SAFE)).toEqual(once);
    expect(rulesWithoutCanary(once, scope)).toHaveLength(2);
    expect(restoredRules(once, rules, scope)).toEqual({ rules, isChanged: false });
  });

  it('are not there while testers are held back', () => {
    const held = { ...scope, testers: { ...testers, isHeld: true } };
    const split = { canary: 25, mirror: null };
    expect(rulesWithCanary(divided([aRule()]), split, { scope: held, ability })).toHaveLength(1);
  });

  it("are never taken for a rule of the user's that somebody sent to the canary alone", () => {
    const theirs = aRule({ backendRefs: [to('ledger-scc-canary')] });
    expect(rulesWithoutCanary([theirs], scope)).toHaveLength(1);
  });

  it.each<[string, Rule[], RegExp]>([
    [
      'which asks for the header',
      [aRule({ matches: [at('/', { headers: [{ name: 'X-Tester', value: 'no' }] })] })],
      /already/,
    ],
    [
      'beside one that leads another header elsewhere',
      [
        aRule(),
        aRule({ matches: [at('/', { headers: [{ name: 'x-beta', value: '1' }] })], backendRefs: [to('other')] }),
      ],
      /elsewhere/,
    ],
    [
      'beside many',
      Array.from({ length: 9 }, (_, index) => aRule({ matches: [at(`/${index}`)] })),
      /more than a route may have/,
    ],
  ])('cannot stand beside a rule %s', (_what, rules, reason) => {
    expect(lackInRules(rules, scope)).toMatch(reason);
    expect(lackInRules(rules, plain)).toBeNull();
  });

  it('can stand beside a rule', () => {
    expect(lackInRules([aRule()], scope)).toBeNull();
  });
});
