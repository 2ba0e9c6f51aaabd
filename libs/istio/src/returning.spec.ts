import { withCanary, type RouteScope } from './canary-routes.js';
import { restored } from './restore.js';
import type { HttpRoute, RouteDestination, VirtualServiceSpec } from './schema.js';
import { surveyed } from './survey.fixture.js';

const affinity = { cookie: 'scc-canary', value: 'mine', maxAgeS: 60 };
const services = [{ name: 'ledger', canary: 'ledger-scc-canary' }];
const scope: RouteScope = { namespace: 'shop', services, routeNamespace: 'shop', affinity };
const CANARY = 'ledger-scc-canary.shop.svc.cluster.local';
const KEPT = 'scc-canary=mine; Path=/; Max-Age=60; HttpOnly; SameSite=Lax';
const EXPIRED = 'scc-canary=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax';
const CARRYING = { cookie: { regex: '^(.*;\\s*)?scc-canary=mine(;.*)?$' } };
const to = (host: string, weight?: number, cookie?: string): RouteDestination => ({
  destination: { host },
  ...(weight === undefined ? {} : { weight }),
  ...(cookie === undefined ? {} : { headers: { response: { add: { 'set-cookie': cookie } } } }),
});
const spec = (http: HttpRoute[]): VirtualServiceSpec => ({ hosts: ['ledger'], http });
const divided = (http: HttpRoute[], canary: number): HttpRoute[] =>
  withCanary(spec(http), { canary, mirror: null }, scope).http ?? [];

describe('routes for clients that met the canary', () => {
  it('lead to it alone while both sides have a share, which tells others to come back', () => {
    expect(divided([{ name: 'all', route: [to('ledger', 80), to('other', 20)] }], 25)).toEqual([
      { name: 'all-scc-returning', match: [{ headers: CARRYING }], route: [to(CANARY, 80), to('other', 20)] },
      { name: 'all', route: [to('ledger', 60), to(CANARY, 20, KEPT), to('other', 20)] },
    ]);
  });

  it.each([
    [0, 100, 0],
    [100, 0, 100],
  ])('lead where all others do at %d %%, and take the cookie away', (canary, stable, share) => {
    const [returning, all] = divided([{ route: [to('ledger')] }], canary);
    expect(returning?.route).toEqual([to('ledger', stable, EXPIRED), to(CANARY, share, EXPIRED)]);
    expect(all?.route).toEqual([to('ledger', stable), to(CANARY, share)]);
  });

  it("keep the user's own headers, and stand behind those for testers", () => {
    const own = { request: { set: { 'x-a': '1' } }, response: { add: { 'x-b': '2' } } };
    const testers = { header: 'x-tester', value: 'yes' };
    const before = spec([{ route: [{ ...to('ledger'), headers: own }] }]);
    const { http = [] } = withCanary(before, { canary: 25, mirror: null }, { ...scope, testers });
    expect(http.map(({ name }) => name)).toEqual(['scc-testers', 'scc-returning', undefined]);
    expect(http[2]?.route?.[1]?.headers).toEqual({ ...own, response: { add: { 'x-b': '2', 'set-cookie': KEPT } } });
  });

  it('are not there while requests are mirrored, are the same when they are written twice, and leave nothing behind', () => {
    const before = spec([{ name: 'all', route: [to('ledger', 100)], timeout: '5s' }, { route: [to('other')] }]);
    const mirrored = withCanary(before, { canary: 0, mirror: { percentage: 100, methods: 'All' } }, scope);
    expect(JSON.stringify(mirrored)).not.toContain('cookie');
    for (const canary of [0, 50, 100]) {
      const once = withCanary(before, { canary, mirror: null }, scope);
      expect(withCanary(once, { canary, mirror: null }, scope)).toEqual(once);
      expect(restored(once, before, scope)).toEqual({ spec: before, conflicts: [] });
    }
  });
});

describe('a survey for clients that met the canary', () => {
  it('says that shares are those of the others', async () => {
    for (const routes of [[spec([{ route: [to('ledger')] }])], []]) {
      const { violations, warnings } = await surveyed({ affinity }, routes);
      expect(violations).toEqual([]);
      expect(warnings.join()).toContain('gets the cookie scc-canary and stays there for 60 s');
    }
  });

  const http = [{ port: 80, name: 'http' }];
  const removing = { response: { remove: ['Set-Cookie'] } };
  it.each<[string, VirtualServiceSpec[], object[], RegExp]>([
    [
      'a route that asks for a cookie',
      [spec([{ match: [{ headers: { Cookie: { regex: '.*a=1.*' } } }], route: [to('ledger')] }])],
      http,
      /rules for the header cookie already/,
    ],
    [
      'a route that changes cookies',
      [spec([{ route: [to('ledger')], headers: removing }])],
      http,
      /changes the header set-cookie/,
    ],
    [
      'a destination that sets a cookie',
      [spec([{ route: [to('ledger', 100, 'a=1')] }])],
      http,
      /changes the header set-cookie/,
    ],
    ['a route of connections', [{ hosts: ['ledger'], tcp: [{ route: [to('ledger')] }] }], http, /no header/],
    ['a port of connections', [], [{ port: 5432, name: 'tcp-db' }], /no header/],
  ])('is refused where there is %s', async (_what, routes, ports, reason) => {
    const { violations } = await surveyed({ affinity }, routes, ports);
    expect(violations).toContainEqual(
      expect.objectContaining({ code: 'AffinityNotRouted', message: expect.stringMatching(reason) as unknown }),
    );
  });
});
