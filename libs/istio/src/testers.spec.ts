import { withCanary, type RouteScope } from './canary-routes.js';
import { restored } from './restore.js';
import type { HttpRoute, RouteDestination, VirtualServiceSpec } from './schema.js';
import { surveyed } from './survey.fixture.js';

const testers = { header: 'x-tester', value: 'yes' };
const services = [{ name: 'ledger', canary: 'ledger-scc-canary' }];
const scope: RouteScope = { namespace: 'shop', services, routeNamespace: 'shop', testers };
const CANARY = 'ledger-scc-canary.shop.svc.cluster.local';
const to = (host: string, weight?: number): RouteDestination => ({
  destination: { host },
  ...(weight === undefined ? {} : { weight }),
});
const spec = (http: HttpRoute[]): VirtualServiceSpec => ({ hosts: ['ledger'], http });
const divided = (http: HttpRoute[], over: Partial<RouteScope> = {}): HttpRoute[] =>
  withCanary(spec(http), { canary: 25, mirror: { percentage: 100, methods: 'Safe' } }, { ...scope, ...over }).http ??
  [];

describe('routes for testers', () => {
  it('stand before all that would take their requests, and lead to the canary alone', () => {
    const names = divided([{ name: 'all', route: [to('ledger')] }]).map(({ name }) => name);
    expect(names).toEqual(['all-scc-testers', 'all-scc-mirror', 'all']);
    const [ofTesters] = divided([
      { match: [{ uri: { prefix: '/a' } }, {}], route: [to('ledger', 80), to('other', 20)] },
    ]);
    const headers = { 'x-tester': { exact: 'yes' } };
    expect(ofTesters).toEqual({
      name: 'scc-testers',
      match: [{ uri: { prefix: '/a' }, headers }, { headers }],
      route: [to(CANARY, 80), to('other', 20)],
    });
  });

  it('are the same when they are written twice, and leave nothing behind', () => {
    const before = spec([{ name: 'all', route: [to('ledger', 100)], timeout: '5s' }, { route: [to('other')] }]);
    const split = { canary: 50, mirror: null };
    const once = withCanary(before, split, scope);
    expect(withCanary(once, split, scope)).toEqual(once);
    expect(restored(once, before, scope)).toEqual({ spec: before, conflicts: [] });
  });

  it('are not there while testers are held back', () => {
    const names = divided([{ route: [to('ledger')] }], { testers: { ...testers, isHeld: true } }).map(
      ({ name }) => name,
    );
    expect(names).toEqual(['scc-mirror', undefined]);
  });
});

describe('a survey for testers', () => {
  it('says where their requests go', async () => {
    for (const routes of [[spec([{ route: [to('ledger')] }])], []]) {
      const { violations, warnings } = await surveyed({ testers }, routes);
      expect(violations).toEqual([]);
      expect(warnings.join()).toContain('requests with the header x-tester: yes go to the canary');
    }
  });

  const http = [{ port: 80, name: 'http' }];
  it.each<[string, VirtualServiceSpec[], object[]]>([
    [
      'a route that asks for the header',
      [spec([{ match: [{ headers: { 'X-Tester': {} } }], route: [to('ledger')] }])],
      http,
    ],
    [
      'a route that asks for its absence',
      [spec([{ match: [{ withoutHeaders: { 'x-tester': {} } }], route: [to('ledger')] }])],
      http,
    ],
    ['a route of connections', [{ hosts: ['ledger'], tcp: [{ route: [to('ledger')] }] }], http],
    ['a port of connections', [], [{ port: 5432, name: 'tcp-db' }]],
  ])('is refused where there is %s', async (_what, routes, ports) => {
    const { violations } = await surveyed({ testers }, routes, ports);
    expect(violations.map(({ code }) => code)).toContain('TestersNotRouted');
  });
});
