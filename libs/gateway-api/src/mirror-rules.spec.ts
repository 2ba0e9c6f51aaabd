import type { Mirror } from '@scc/routing';
import { rulesWithCanary } from './canary-rules.js';
import { mirrorRules, type MirrorAbility } from './mirror-rules.js';
import { ability, aRule, at, scope, to } from './rules.fixture.js';
import type { Match, Rule } from './schema.js';

const safe: Mirror = { percentage: 100, methods: 'Safe' };
const all: Mirror = { percentage: 100, methods: 'All' };
const mirrored = (
  rules: Rule[],
  mirror: Mirror = safe,
  over: { ability?: Partial<MirrorAbility>; kind?: 'HTTPRoute' | 'GRPCRoute' } = {},
): [number, Rule][] => [
  ...mirrorRules(rules, mirror, {
    scope: { ...scope, kind: over.kind ?? 'HTTPRoute' },
    ability: { ...ability, ...over.ability },
  }),
];
const indexes = (found: [number, Rule][]): number[] => found.map(([index]) => index);
const methods = (matches: Match[] | undefined): unknown[] => (matches ?? []).map(({ method }) => method);
const many = (count: number): Rule[] =>
  Array.from({ length: count }, (_, index) => aRule({ matches: [at(`/${index}`)] }));

describe('mirrorRules', () => {
  it('puts a rule for safe methods before the one that it is made from, and divides both', () => {
    const rules = rulesWithCanary([aRule()], { canary: 0, mirror: safe }, { scope, ability });
    const filter = {
      type: 'RequestMirror',
      requestMirror: { backendRef: { group: '', kind: 'Service', name: 'ledger-scc-canary', port: 80 } },
    };
    expect(rules.map(({ filters }) => filters)).toEqual([[filter], undefined]);
    expect(methods(rules[0]?.matches)).toEqual(['GET', 'HEAD', 'OPTIONS']);
    expect(rules[0]?.backendRefs).toEqual(rules[1]?.backendRefs);
  });

  it('asks for a share only where the schema has one: 1.2.1 mirrors everything or nothing', () => {
    const [[, rule] = [0, {}]] = mirrored([aRule()], { ...safe, percentage: 20 });
    expect(rule.filters?.[0]?.requestMirror?.percent).toBe(20);
    expect(mirrored([aRule()], { ...safe, percentage: 20 }, { ability: { hasPercent: false } })).toEqual([]);
    expect(mirrored([aRule()], safe, { ability: { hasPercent: false } })).toHaveLength(1);
  });

  it('keeps the filters of the rule, and not its name, which is there once', () => {
    const rewrite = { type: 'URLRewrite', urlRewrite: { hostname: 'a' } };
    const [[, rule] = [0, {}]] = mirrored([aRule({ name: 'a', filters: [rewrite] })]);
    expect(rule.filters?.[0]).toEqual(rewrite);
    expect(rule.name).toBeUndefined();
  });

  it.each<[string, Match, unknown[]]>([
    ['a safe method', at('/', { method: 'GET' }), ['GET']],
    ['a method that writes', at('/', { method: 'POST' }), []],
  ])('narrows a rule for %s', (_name, match, expected) => {
    const [[, rule] = [0, {}]] = mirrored([aRule({ matches: [match] })]);
    expect(methods(rule.matches)).toEqual(expected);
  });

  it('mirrors all methods of a rule where a plan says so, and of gRPC nothing else', () => {
    expect(methods(mirrored([aRule()], all)[0]?.[1].matches)).toEqual([undefined]);
    expect(mirrored([aRule({ matches: [{}] })], safe, { kind: 'GRPCRoute' })).toEqual([]);
    expect(mirrored([aRule({ matches: [{}] })], all, { kind: 'GRPCRoute' })).toHaveLength(1);
  });

  describe('never lets a request meet another rule than before', () => {
    const byHeader = at('/', { headers: [{ name: 'x-tester', value: 'yes' }] });

    it('splits all rules of a path', () => {
      expect(indexes(mirrored([aRule({ matches: [byHeader] }), aRule()]))).toEqual([0, 1]);
    });

    it('splits none of them where one sends elsewhere: a method goes before a header', () => {
      const rules = [
        aRule({ matches: [byHeader], backendRefs: [to('preview')] }),
        aRule(),
        aRule({ matches: [at('/a')] }),
      ];
      expect(indexes(mirrored(rules))).toEqual([2]);
    });

    it('splits none of a path that another route of the host has', () => {
      expect(mirrored([aRule()], safe, { ability: { foreignPaths: ['PathPrefix /'] } })).toEqual([]);
    });
  });

  it.each<[string, Rule[], number]>([
    ['8 of 16 rules', many(8), 8],
    ['more than 16 rules', many(9), 0],
    ['more than 64 matches of a rule', [aRule({ matches: Array.from({ length: 22 }, (_, n) => at(`/${n}`)) })], 0],
    [
      'more than 128 matches in all',
      Array.from({ length: 2 }, (_, r) => aRule({ matches: Array.from({ length: 17 }, (_m, n) => at(`/${r}/${n}`)) })),
      0,
    ],
  ])('keeps within the limits of a route: %s', (_name, rules, expected) => {
    expect(mirrored(rules)).toHaveLength(expected);
  });
});
