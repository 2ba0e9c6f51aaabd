import fc from 'fast-check';
import type { Split } from '@scc/routing';
import { withCanary, withoutCanary, type RouteScope } from './canary-routes.js';
import { restored } from './restore.js';
import type { HttpRoute, RouteDestination, VirtualServiceSpec } from './schema.js';

const scope: RouteScope = {
  namespace: 'shop',
  services: [{ name: 'ledger', canary: 'ledger-scc-canary' }],
  routeNamespace: 'shop',
};
const CANARY = 'ledger-scc-canary.shop.svc.cluster.local';
const to = (host: string, weight?: number): RouteDestination => ({
  destination: { host, port: { number: 80 } },
  ...(weight === undefined ? {} : { weight }),
});
const spec = (http: HttpRoute[]): VirtualServiceSpec => ({ hosts: ['ledger'], http });
const weights = ({ http }: VirtualServiceSpec): [string, number | undefined][][] =>
  (http ?? []).map(({ route }) => (route ?? []).map(({ destination, weight }) => [destination.host, weight]));
const at = (canary: number): Split => ({ canary, mirror: null });

describe('withCanary', () => {
  it('leaves a subset of another workload as it is', () => {
    const subset = (name: string, weight: number) => ({
      ...to('ledger', weight),
      destination: { host: 'ledger', subset: name },
    });
    const shared: RouteScope = { ...scope, foreign: new Set(['ledger/v2']) };
    const [route] = withCanary(spec([{ route: [subset('v1', 90), subset('v2', 10)] }]), at(10), shared).http ?? [];
    expect(route?.route?.map(({ destination, weight }) => [destination.host, destination.subset, weight])).toEqual([
      ['ledger', 'v1', 81],
      [CANARY, 'v1', 9],
      ['ledger', 'v2', 10],
    ]);
  });

  it.each<[string, RouteDestination[], number, [string, number][]]>([
    [
      'a single destination',
      [to('ledger')],
      10,
      [
        ['ledger', 90],
        [CANARY, 10],
      ],
    ],
    [
      'all requests',
      [to('ledger')],
      100,
      [
        ['ledger', 0],
        [CANARY, 100],
      ],
    ],
    [
      'no request yet',
      [to('ledger')],
      0,
      [
        ['ledger', 100],
        [CANARY, 0],
      ],
    ],
    [
      'one of two destinations',
      [to('ledger', 80), to('next', 20)],
      25,
      [
        ['ledger', 60],
        [CANARY, 20],
        ['next', 20],
      ],
    ],
    [
      'a share that 100 cannot say',
      [to('ledger', 1), to('next', 2)],
      10,
      [
        ['ledger', 9],
        [CANARY, 1],
        ['next', 20],
      ],
    ],
    [
      'a full host name',
      [to('ledger.shop.svc.cluster.local')],
      50,
      [
        ['ledger.shop.svc.cluster.local', 50],
        [CANARY, 50],
      ],
    ],
  ])('divides %s', (_name, route, canary, expected) => {
    expect(weights(withCanary(spec([{ route }]), at(canary), scope))).toEqual([expected]);
  });

  it('fluxcd/flagger#1612: divides every route of every protocol at once and leaves others alone', () => {
    const route = [to('ledger')];
    const other = { route: [to('other'), { ...to('next'), weight: 3 }] };
    const changed = withCanary(
      { hosts: ['x'], http: [{ route }, other, { redirect: { uri: '/' } }], tcp: [{ route }], tls: [{ route }] },
      at(10),
      scope,
    );
    expect(changed.http?.slice(1)).toEqual([other, { redirect: { uri: '/' } }]);
    for (const list of [changed.http?.[0], changed.tcp?.[0], changed.tls?.[0]]) expect(list?.route).toHaveLength(2);
  });

  it('does not take a short name of another namespace for the service', () => {
    const elsewhere = { ...scope, routeNamespace: 'other' };
    expect(withCanary(spec([{ route: [to('ledger')] }]), at(10), elsewhere)).toEqual(spec([{ route: [to('ledger')] }]));
  });

  it('keeps a subset and per-destination headers on the canary', () => {
    const destination = { ...to('ledger'), headers: { response: { set: { a: 'b' } } } };
    destination.destination.subset = 'v1';
    const { http } = withCanary(spec([{ route: [destination] }]), at(10), scope);
    expect(http?.[0]?.route?.[1]).toEqual({
      destination: { host: CANARY, port: { number: 80 }, subset: 'v1' },
      headers: destination.headers,
      weight: 10,
    });
  });
});

describe('a mirror', () => {
  const safe: Split = { canary: 0, mirror: { percentage: 50, methods: 'Safe' } };

  it('fluxcd/flagger#244, #311: gets safe requests only, by a route of its own before the original', () => {
    const { http } = withCanary(spec([{ name: 'all', route: [to('ledger')] }]), safe, scope);
    expect(http?.map(({ name, match, mirrors }) => ({ name, match, mirrors }))).toEqual([
      {
        name: 'all-scc-mirror',
        match: [{ method: { regex: 'GET|HEAD|OPTIONS' } }],
        mirrors: [{ destination: { host: CANARY, port: { number: 80 } }, percentage: { value: 50 } }],
      },
      { name: 'all', match: undefined, mirrors: undefined },
    ]);
  });

  it('narrows every condition, and leaves out those for writes', () => {
    const match = [{ uri: { prefix: '/a' } }, { method: { exact: 'POST' } }, { method: { exact: 'GET' } }];
    const { http } = withCanary(spec([{ match, route: [to('ledger')] }]), safe, scope);
    expect(http?.[0]?.match).toEqual([
      { uri: { prefix: '/a' }, method: { regex: 'GET|HEAD|OPTIONS' } },
      { method: { exact: 'GET' } },
    ]);
    const writes = spec([{ match: [{ method: { exact: 'POST' } }], route: [to('ledger')] }]);
    expect(withCanary(writes, safe, scope).http).toHaveLength(1);
  });

  it("stands beside the user's own mirror", () => {
    const own = { host: 'shadow' };
    const all: Split = { canary: 0, mirror: { percentage: 100, methods: 'All' } };
    const before = spec([{ route: [to('ledger')], mirror: own, mirrorPercentage: { value: 5 } }]);
    const changed = withCanary(before, all, scope);
    expect(changed.http?.[0]?.mirrors?.map(({ destination }) => destination.host)).toEqual(['shadow', CANARY]);
    expect(restored(changed, before, scope)).toEqual({ spec: before, conflicts: [] });
  });
});

const conditions: NonNullable<HttpRoute['match']> = [{ uri: { prefix: '/x' } }, { method: { exact: 'GET' } }];
const arbitraryList: fc.Arbitrary<RouteDestination[]> = fc.oneof(
  fc.constant<RouteDestination[]>([to('ledger')]),
  fc.constant<RouteDestination[]>([to('ledger', 100)]),
  fc
    .array(fc.tuple(fc.constantFrom('ledger', 'other', 'next'), fc.integer({ min: 1, max: 100 })), {
      minLength: 2,
      maxLength: 4,
    })
    .map((list) => list.map(([host, weight]) => to(host, weight))),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** A route with some of the fields that a user may set; the others are absent, not undefined. */
const arbitraryRoute: fc.Arbitrary<HttpRoute> = fc
  .record({
    name: maybe(fc.constantFrom('a', 'b')),
    timeout: maybe(fc.constantFrom('5s', '1s')),
    match: maybe(fc.array(fc.constantFrom(...conditions), { minLength: 1, maxLength: 2 })),
    mirror: maybe(fc.constant({ host: 'shadow' })),
    route: arbitraryList,
  })
  .map((route): HttpRoute => Object.fromEntries(Object.entries(route).filter(([, value]) => value !== undefined)));
const arbitrarySplit = fc.record({
  canary: fc.integer({ min: 0, max: 100 }),
  mirror: fc.option(fc.record({ percentage: fc.nat(100), methods: fc.constantFrom('Safe' as const, 'All' as const) })),
});

describe('dividing and restoring', () => {
  it('gives every byte back, after any settings in between, however often', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryRoute, { minLength: 1, maxLength: 4 }),
        fc.array(arbitrarySplit, { minLength: 1, maxLength: 4 }),
        (http, splits) => {
          const before = spec(http);
          const now = splits.reduce((current, split) => withCanary(current, split, scope), before);
          expect(restored(now, before, scope)).toEqual({ spec: before, conflicts: [] });
        },
      ),
    );
  });

  it('is idempotent and knows only the last split', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryRoute, { minLength: 1, maxLength: 3 }),
        arbitrarySplit,
        arbitrarySplit,
        (http, a, b) => {
          const once = withCanary(spec(http), b, scope);
          expect(withCanary(withCanary(spec(http), a, scope), b, scope)).toEqual(once);
          expect(withCanary(once, b, scope)).toEqual(once);
        },
      ),
    );
  });

  it('sends the canary exactly its share of what its service had', () => {
    fc.assert(
      fc.property(arbitraryRoute, fc.nat(100), (route, percent) => {
        const list = withCanary(spec([route]), at(percent), scope).http?.[0]?.route ?? [];
        const sum = (host: string): number =>
          list
            .filter(({ destination }) => destination.host === host)
            .reduce((all, { weight }) => all + (weight ?? 0), 0);
        const [stable, canary] = [sum('ledger'), sum(CANARY)];
        expect(canary * 100).toBe(percent * (stable + canary));
      }),
    );
  });

  it('keeps what another client changed meanwhile, without our part, and says so', () => {
    const before = spec([{ route: [to('ledger')] }, { route: [to('other')] }]);
    const now = withCanary(before, at(50), scope);
    const edited = { ...now, http: [{ ...now.http?.[0], timeout: '9s' }, ...(now.http?.slice(1) ?? [])] };
    const { spec: after, conflicts } = restored(edited, before, scope);
    expect(conflicts).toEqual(['spec.http']);
    expect(after.http).toEqual([{ route: [to('ledger')], timeout: '9s' }, { route: [to('other')] }]);
  });

  it('leaves a spec without a canary as it is', () => {
    const before = spec([{ route: [to('ledger', 7), to('next', 3)] }]);
    expect(withoutCanary(before, scope)).toEqual(before);
  });
});
