import { aRule, at, to } from './rules.fixture.js';
import { GROUP, routeSpecSchema, routeStatusSchema, type GrantSpec, type Rule } from './schema.js';
import { findGatewayRoutes, type NamedRoute } from './survey.js';

const accepted = {
  parents: [
    {
      parentRef: { name: 'edge' },
      controllerName: 'istio.io/gateway-controller',
      conditions: [{ type: 'Accepted', status: 'True', observedGeneration: 1 }],
    },
  ],
};
const route = (
  rules: Rule[],
  over: Partial<NamedRoute> & { hostnames?: string[]; parentRefs?: object[] } = {},
): NamedRoute => {
  const { hostnames = ['a.example'], parentRefs = [{ name: 'edge' }], ...rest } = over;
  return {
    kind: 'HTTPRoute',
    namespace: 'shop',
    name: 'r',
    spec: routeSpecSchema.parse({ hostnames, parentRefs, rules }),
    status: routeStatusSchema.parse(accepted),
    ...rest,
  };
};
const grant: GrantSpec = {
  from: [{ group: GROUP, kind: 'HTTPRoute', namespace: 'edge' }],
  to: [{ group: '', kind: 'Service' }],
};
const asked = { namespace: 'shop', services: [{ name: 'ledger', canary: 'ledger-scc-canary' }] };
const found = (
  routes: NamedRoute[],
  over: Partial<Parameters<typeof findGatewayRoutes>[2]> = {},
  mirror = null as Parameters<typeof findGatewayRoutes>[1]['mirror'],
) =>
  findGatewayRoutes(routes, { ...asked, mirror }, { grants: [], agreed: new Set(), hasPercent: () => true, ...over });

describe('findRoutes', () => {
  it('divides every route that names the Service by any of its rules', () => {
    const routes = [
      route([aRule({ backendRefs: [to('other')] }), aRule()], { name: 'a' }),
      route([aRule()], { name: 'b', kind: 'GRPCRoute' }),
      route([aRule({ backendRefs: [to('other')] })], { name: 'c' }),
    ];
    expect(found(routes).divided.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  const away = route([aRule({ backendRefs: [to('ledger', 1, { namespace: 'shop' })] })], { namespace: 'edge' });
  it('divides a route of another namespace that a grant lets name the Service, once that namespace has agreed', () => {
    expect(found([away])).toMatchObject({ divided: [], undivided: [] });
    expect(found([away], { grants: [grant] }).undivided).toMatchObject([
      { kind: 'HTTPRoute', name: 'edge/r', code: 'NamespaceHasNotAgreed' },
    ]);
    expect(found([away], { grants: [grant], agreed: new Set(['edge']) }).divided).toMatchObject([
      { namespace: 'edge' },
    ]);
  });

  it.each<[string, NamedRoute, RegExp]>([
    ['nobody accepts it', route([aRule()], { status: routeStatusSchema.parse({}) }), /no controller/],
    [
      'it mirrors to the workload',
      route([
        aRule({
          backendRefs: [to('other')],
          filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'ledger' } } }],
        }),
      ]),
      /mirrors/,
    ],
    ['sessions stay where they are', route([aRule({ sessionPersistence: { type: 'Cookie' } })]), /sessions/],
    [
      'a rule would have more than 16 backends',
      route([aRule({ backendRefs: [to('ledger'), ...Array.from({ length: 15 }, (_, n) => to(`o${n}`))] })]),
      /more than 16/,
    ],
    ['the weights are too fine', route([aRule({ backendRefs: [to('ledger', 999_983), to('other', 1)] })]), /too fine/],
  ])('says why it cannot divide a route: %s', (_name, given, expected) => {
    const { divided, undivided } = found([given]);
    expect(divided).toEqual([]);
    expect(undivided).toEqual([expect.objectContaining({ code: 'RouteCanNotBeDivided' })]);
    expect(undivided[0]?.reason).toMatch(expected);
  });

  it('says which Services it routes within the mesh', () => {
    const inMesh = [{ group: '', kind: 'Service', name: 'ledger' }];
    expect(found([route([aRule()], { parentRefs: inMesh })]).routed).toEqual(['ledger']);
    expect(found([route([aRule()])]).routed).toEqual([]);
  });

  it('knows the paths of other routes of the same host and gateway', () => {
    const others = [
      route([aRule({ matches: [at('/a')], backendRefs: [to('other')] })], { name: 'same' }),
      route([aRule({ matches: [at('/b')], backendRefs: [to('other')] })], { name: 'host', hostnames: ['b.example'] }),
      route([aRule({ matches: [at('/c')], backendRefs: [to('other')] })], { name: 'any', hostnames: [] }),
      route([aRule({ matches: [at('/d')], backendRefs: [to('other')] })], { name: 'gw', parentRefs: [{ name: 'x' }] }),
    ];
    expect(found([route([aRule()]), ...others]).divided[0]?.foreignPaths).toEqual(['PathPrefix /a', 'PathPrefix /c']);
  });

  it('warns of rules that get no mirror', () => {
    const mirror = { percentage: 20, methods: 'Safe' as const };
    expect(found([route([aRule()])], { hasPercent: () => false }, mirror).warnings).toHaveLength(1);
    expect(found([route([aRule()])], {}, mirror).warnings).toEqual([]);
  });
});
