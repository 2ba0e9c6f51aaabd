import fc from 'fast-check';
import { rulesWithCanary, rulesWithoutCanary } from './canary-rules.js';
import { MAX_WEIGHT } from './limits.js';
import { restoredRules } from './restore.js';
import { ability, aRule, at, scope, to, weightsOf } from './rules.fixture.js';
import type { Rule } from './schema.js';

const divide = (
  rules: Rule[],
  canary: number,
  mirror: Parameters<typeof rulesWithCanary>[1]['mirror'] = null,
): Rule[] => rulesWithCanary(rules, { canary, mirror }, { scope, ability });

describe('withCanary', () => {
  it.each<[string, Rule, number, Record<string, number>]>([
    ['one backend', aRule(), 10, { ledger: 90, 'ledger-scc-canary': 10 }],
    ['one backend at its end', aRule(), 100, { ledger: 0, 'ledger-scc-canary': 100 }],
    [
      'backends with others',
      aRule({ backendRefs: [to('ledger', 8), to('other', 2)] }),
      25,
      { ledger: 60, 'ledger-scc-canary': 20, other: 20 },
    ],
    [
      'an absent weight, which is 1 and not 0',
      aRule({ backendRefs: [{ name: 'ledger' }, { name: 'other', weight: 1 }] }),
      50,
      { ledger: 25, 'ledger-scc-canary': 25, other: 50 },
    ],
    [
      'a backend without requests',
      aRule({ backendRefs: [to('ledger', 0), to('other')] }),
      50,
      {
        ledger: 0,
        'ledger-scc-canary': 0,
        other: 100,
      },
    ],
  ])('divides %s exactly', (_name, rule, percent, expected) => {
    expect(weightsOf(divide([rule], percent)[0])).toEqual(expected);
  });

  it.each<[string, Rule]>([
    ['of another Service', aRule({ backendRefs: [to('other')] })],
    ['of the same name elsewhere', aRule({ backendRefs: [to('ledger', 1, { namespace: 'other' })] })],
    ['that is no Service', aRule({ backendRefs: [to('ledger', 1, { group: 'x.io', kind: 'Bucket' })] })],
    ['without backends', { matches: [at('/')], filters: [{ type: 'RequestRedirect' }] }],
  ])('leaves a rule %s as it is', (_name, rule) => {
    expect(divide([rule], 50)).toEqual([rule]);
  });

  it('gives the canary the filters and the port of the backend that it is taken from', () => {
    const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] } }];
    const [rule] = divide([aRule({ backendRefs: [to('ledger', 1, { port: 8080, filters })] })], 50);
    expect(rule?.backendRefs?.[1]).toEqual(to('ledger-scc-canary', 50, { port: 8080, filters }));
  });

  it('divides in the words of a route of another namespace', () => {
    const away = { ...scope, routeNamespace: 'edge' };
    const rules = [aRule({ backendRefs: [to('ledger', 1, { namespace: 'shop' }), to('ledger')] })];
    const [rule] = rulesWithCanary(rules, { canary: 50, mirror: null }, { scope: away, ability });
    expect(rule?.backendRefs).toEqual([
      to('ledger', 25, { namespace: 'shop' }),
      to('ledger-scc-canary', 25, { namespace: 'shop' }),
      to('ledger', 50),
    ]);
  });

  const backends = fc
    .array(fc.record({ name: fc.constantFrom('ledger', 'other', 'third'), weight: fc.nat(10_000) }), {
      minLength: 1,
      maxLength: 8,
    })
    .map((list) => list.map(({ name, weight }) => to(name, weight)));

  it('never gives others more or less, keeps within the weights of the schema, and goes back word for word', () => {
    fc.assert(
      fc.property(
        fc.array(backends, { minLength: 1, maxLength: 3 }),
        fc.nat(100),
        fc.nat(100),
        (lists, first, then) => {
          const rules = lists.map((backendRefs) => aRule({ backendRefs }));
          const once = divide(rules, first);
          const twice = divide(once, then);
          expect(twice).toEqual(divide(rules, then));
          for (const [index, rule] of twice.entries()) {
            const before = rules[index]?.backendRefs ?? [];
            const sum = (list: typeof before, wanted: (name: string) => boolean): number =>
              list.filter(({ name }) => wanted(name)).reduce((total, { weight = 1 }) => total + weight, 0);
            const now = rule.backendRefs ?? [];
            const isOther = (name: string): boolean => !name.startsWith('ledger');
            const all = (): boolean => true;
            expect(sum(now, isOther) * sum(before, all)).toBe(sum(before, isOther) * sum(now, all));
            const canary = sum(now, (name) => name === 'ledger-scc-canary');
            expect(canary * 100).toBe(then * sum(now, (name) => !isOther(name)));
            for (const { weight = 1 } of now) expect(weight).toBeLessThanOrEqual(MAX_WEIGHT);
          }
          expect(restoredRules(twice, rules, scope)).toEqual({ rules, isChanged: false });
        },
      ),
    );
  });
});

describe('faults of others', () => {
  const rich: Rule[] = [
    {
      name: 'health',
      matches: [{ path: { type: 'Exact', value: '/healthz' }, headers: [{ name: 'x-probe', value: '1' }] }],
      filters: [
        { type: 'ExtensionRef', extensionRef: { group: 'x.io', kind: 'SnippetsFilter', name: 'auth' } },
        { type: 'RequestHeaderModifier', requestHeaderModifier: { add: [{ name: 'a', value: 'b' }] } },
      ],
      backendRefs: [to('ledger')],
      timeouts: { request: '5s' },
    },
    { matches: [at('/old')], filters: [{ type: 'RequestRedirect', requestRedirect: { statusCode: 301 } }] },
    aRule({ matches: [at('/', { headers: [{ name: 'x-tester', value: 'yes' }] })], backendRefs: [to('preview')] }),
    aRule({ backendRefs: [to('ledger', 7), to('batch', 3)] }),
  ];
  const without = (rules: Rule[]): unknown[] => rules.map(({ backendRefs: _weights, ...rest }) => rest);

  it('fluxcd/flagger#1857, #1488, #1737, #1888: filters, matches, timeouts and other rules stay', () => {
    for (const percent of [0, 50, 100]) expect(without(divide(rich, percent))).toEqual(without(rich));
  });

  it('argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi#203: backends of others stay, with their share', () => {
    expect(weightsOf(divide(rich, 50)[3])).toEqual({ ledger: 35, 'ledger-scc-canary': 35, batch: 30 });
  });

  it('argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi#124, #225: the stable side gets what is left of its own share', () => {
    const [rule] = divide([aRule({ backendRefs: [to('ledger', 70), to('baseline', 15), to('other', 15)] })], 20);
    expect(weightsOf(rule)).toEqual({ ledger: 56, 'ledger-scc-canary': 14, baseline: 15, other: 15 });
  });

  it('argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi#158, #191, #87: rules by header stay what they are', () => {
    expect(divide(rich, 75)[2]).toEqual(rich[2]);
  });

  it('argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi#207: every rule that names the Service is divided, not the first alone', () => {
    const canaries = divide(rich, 50).map((rule) => weightsOf(rule)['ledger-scc-canary']);
    expect(canaries).toEqual([50, undefined, undefined, 35]);
  });

  it('argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi#90, #95, #151: a second run leaves no rule of the first one behind', () => {
    const mirror = { percentage: 100, methods: 'Safe' as const };
    const left = divide(divide([aRule()], 0, mirror), 50, mirror);
    expect(divide(left, 25)).toEqual(divide([aRule()], 25));
    expect(restoredRules(left, [aRule()], scope)).toEqual({ rules: [aRule()], isChanged: false });
  });

  it('argoproj/argo-rollouts#4569: each weight is written, and none stays at 1:1', () => {
    const shares = [10, 25, 50, 75, 100].map(
      (percent) => weightsOf(divide([aRule()], percent)[0])['ledger-scc-canary'],
    );
    expect(shares).toEqual([10, 25, 50, 75, 100]);
  });
});

describe('withoutCanary', () => {
  it('takes away rules that only mirror, in whatever state a process left them', () => {
    const mirror = { percentage: 50, methods: 'Safe' as const };
    const divided = divide([aRule()], 25, mirror);
    expect(divided).toHaveLength(2);
    expect(rulesWithoutCanary(divided, scope)).toEqual([aRule({ backendRefs: [to('ledger', 100)] })]);
  });
});

describe('restored', () => {
  it('keeps a rule that another client changed, without our part, and says so', () => {
    const before = [aRule(), aRule({ matches: [at('/b')] })];
    const [first, second] = divide(before, 50);
    const edited = [first ?? {}, { ...second, timeouts: { request: '1s' } }];
    expect(restoredRules(edited, before, scope)).toEqual({
      rules: [before[0], { ...before[1], backendRefs: [to('ledger', 100)], timeouts: { request: '1s' } }],
      isChanged: true,
    });
  });
});
