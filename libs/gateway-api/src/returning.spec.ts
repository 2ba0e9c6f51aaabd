import { rulesWithCanary, rulesWithoutCanary } from './canary-rules.js';
import { lackInRules, lackOfCookies } from './lack.js';
import { restoredRules } from './restore.js';
import { ability, aRule, at, scope as plain, to, weightsOf } from './rules.fixture.js';
import type { Filter, Rule } from './schema.js';

const affinity = { cookie: 'scc-canary', value: 'mine', maxAgeS: 60 };
const scope = { ...plain, affinity };
const CARRYING = [{ type: 'RegularExpression', name: 'cookie', value: '^(.*;\\s*)?scc-canary=mine(;.*)?$' }];
const adding = (...add: { name: string; value: string }[]): Filter => ({
  type: 'ResponseHeaderModifier',
  responseHeaderModifier: { add },
});
const KEPT = { name: 'Set-Cookie', value: 'scc-canary=mine; Path=/; Max-Age=60; HttpOnly; SameSite=Lax' };
const EXPIRED = { name: 'Set-Cookie', value: 'scc-canary=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax' };
const divided = (rules: Rule[], canary: number): Rule[] =>
  rulesWithCanary(rules, { canary, mirror: null }, { scope, ability });

describe('rules for clients that met the canary', () => {
  it('lead to it alone while both sides have a share, which tells others to come back', () => {
    const [all, returning, ...more] = divided(
      [aRule({ name: 'all', backendRefs: [to('ledger', 8), to('other', 2)] })],
      25,
    );
    expect(weightsOf(all)).toEqual({ ledger: 60, 'ledger-scc-canary': 20, other: 20 });
    expect(all?.backendRefs?.map(({ filters }) => filters)).toEqual([undefined, [adding(KEPT)], undefined]);
    expect(returning).toEqual({
      matches: [at('/', { headers: CARRYING })],
      backendRefs: [to('ledger-scc-canary', 60 + 20), to('other', 20)],
    });
    expect(more).toEqual([]);
  });

  it.each([0, 100])('lead where all others do at %d %%, and take the cookie away', (canary) => {
    const [all, returning] = divided([aRule()], canary);
    expect(weightsOf(returning)).toEqual(weightsOf(all));
    expect(returning?.backendRefs?.map(({ filters }) => filters)).toEqual([[adding(EXPIRED)], [adding(EXPIRED)]]);
    expect(JSON.stringify(all)).not.toContain('Cookie');
  });

  it("add to the user's own filter, which stands there once", () => {
    const own = { name: 'x-side', value: '1' };
    const [all] = divided([aRule({ backendRefs: [to('ledger', 1, { filters: [adding(own)] })] })], 50);
    expect(all?.backendRefs?.map(({ filters }) => filters)).toEqual([[adding(own)], [adding(own, KEPT)]]);
  });

  it('are the same when they are written twice, and leave nothing behind', () => {
    const rules = [aRule({ name: 'all' }), aRule({ matches: [at('/x')] })];
    for (const canary of [0, 50, 100]) {
      const once = divided(rules, canary);
      expect(divided(once, canary)).toEqual(once);
      expect(rulesWithoutCanary(once, scope)).toHaveLength(2);
      expect(restoredRules(once, rules, scope)).toEqual({ rules, isChanged: false });
    }
    const mirror = { percentage: 100, methods: 'All' } as const;
    const mirrored = rulesWithCanary(rules, { canary: 0, mirror }, { scope, ability });
    expect(JSON.stringify(mirrored)).not.toMatch(/cookie/i);
  });

  const served = [{ parent: 'edge', controller: 'istio.io/gateway-controller' }];
  const cookie = [{ type: 'Exact', name: 'Cookie', value: 'a=1' }];
  it.each<[string, Rule[], RegExp]>([
    ['which asks for a cookie', [aRule({ matches: [at('/', { headers: cookie })] })], /already/],
    ['which changes cookies', [aRule({ filters: [adding({ name: 'set-cookie', value: 'a=1' })] })], /changes/],
    ['beside many', Array.from({ length: 9 }, (_, index) => aRule({ matches: [at(`/${index}`)] })), /more than/],
  ])('cannot stand beside a rule %s', (_what, rules, reason) => {
    expect(lackOfCookies(rules, { scope, served })).toMatch(reason);
    expect(lackOfCookies(rules, { scope: plain, served })).toBeNull();
  });

  it('can stand beside a rule of Istio, and of OpenShift, but of no gateway that may not know them, and none of gRPC', () => {
    expect(lackOfCookies([aRule()], { scope, served })).toBeNull();
    const at = (controller: string) => lackOfCookies([aRule()], { scope, served: [{ parent: 'edge', controller }] });
    expect(at('openshift.io/gateway-controller/v1')).toBeNull();
    expect(at('example.com/gateway')).toMatch(/example\.com\/gateway/);
    expect(lackOfCookies([aRule()], { scope: { ...scope, kind: 'GRPCRoute' }, served })).toMatch(/gRPC/);
  });

  it('need room beside those for testers', () => {
    const both = { ...scope, testers: { header: 'x-tester', value: 'yes' } };
    const rules = Array.from({ length: 6 }, (_, index) => aRule({ matches: [at(`/${index}`)] }));
    expect(lackOfCookies(rules, { scope, served })).toBeNull();
    expect(lackOfCookies(rules, { scope: both, served })).toMatch(/more than/);
    expect(lackInRules(rules, both)).toMatch(/more than/);
  });
});
