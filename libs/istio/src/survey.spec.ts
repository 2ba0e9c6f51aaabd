import {
  isUndeclared,
  ownRouteViolations,
  portViolations,
  protocolOf,
  type ServicePort,
  undeclaredViolations,
} from '@scc/routing';
import { coversHost, resolvedHost } from './hosts.js';
import { observedShares } from './observed.js';
import { findRoutes, foreignSubsets, ownRoutes } from './survey.js';

const port = (name: string, over: Partial<ServicePort> = {}): ServicePort => ({
  port: 80,
  name,
  appProtocol: null,
  protocol: 'TCP',
  ...over,
});
const services = [{ name: 'ledger', canary: 'ledger-scc-canary' }];
const route = (host: string) => ({ http: [{ route: [{ destination: { host } }] }] });
const at = (namespace: string, name: string, spec: object) => ({
  namespace,
  name,
  spec: { hosts: ['ledger'], ...spec },
});

describe('hosts', () => {
  it.each([
    ['ledger', 'ledger.shop.svc.cluster.local'],
    ['ledger.shop', 'ledger.shop'],
    ['ledger.shop.example', 'ledger.shop.example'],
    ['*', '*'],
  ])('%s means %s in the namespace shop', (host, expected) => {
    expect(resolvedHost(host, 'shop')).toBe(expected);
  });

  it.each([
    ['*', true],
    ['*.shop.svc.cluster.local', true],
    ['ledger.shop.svc.cluster.local', true],
    ['*.other.svc.cluster.local', false],
    ['x-ledger.shop.svc.cluster.local', false],
  ])('%s covers the ledger: %s', (pattern, expected) => {
    expect(coversHost(pattern, 'ledger.shop.svc.cluster.local')).toBe(expected);
  });
});

describe('protocolOf', () => {
  it.each<[ServicePort, string]>([
    [port('http-api'), 'http'],
    [port('grpc'), 'http'],
    [port('anything'), 'http'],
    [port(''), 'http'],
    [port('tcp-data'), 'tcp'],
    [port('https'), 'tls'],
    [port('x', { appProtocol: 'redis' }), 'tcp'],
    [port('x', { appProtocol: 'mysql-primary' }), 'tcp'],
    [port('x', { appProtocol: 'kubernetes.io/wss' }), 'tls'],
    [port('http', { protocol: 'UDP' }), 'udp'],
    [port('udp-dns'), 'udp'],
    [port('hbone'), 'http'],
  ])('takes %j for %s', (of, expected) => {
    expect(protocolOf(of)).toBe(expected);
  });

  it('refuses what a mesh does not route', () => {
    expect(portViolations('dns', [port('dns', { protocol: 'UDP', port: 53 })])).toMatchObject([
      { code: 'PortCanNotBeDivided', message: expect.stringContaining('53') as string },
    ]);
  });
});

describe('findRoutes', () => {
  const find = (...all: Parameters<typeof findRoutes>[0]) => findRoutes(all, { namespace: 'shop', services });

  it('finds routes of any namespace and any protocol that send to the service', () => {
    const found = find(
      at('shop', 'short', route('ledger')),
      at('edge', 'full', route('ledger.shop.svc.cluster.local')),
      at('edge', 'foreign', route('ledger')),
      at('shop', 'tcp', { tcp: [{ route: [{ destination: { host: 'ledger' } }] }] }),
    );
    expect(found.divided.map(({ name }) => name)).toEqual(['short', 'full', 'tcp']);
  });

  it.each<[string, object, string[]]>([
    ['a route of the mesh', { ...route('ledger') }, []],
    ['a route of a gateway only', { gateways: ['edge'], ...route('ledger') }, ['ledger']],
    ['a route of gateway and mesh', { gateways: ['edge', 'mesh'], ...route('ledger') }, []],
    ['a route for another host', { hosts: ['other'], ...route('ledger') }, ['ledger']],
    ['a wildcard of the mesh', { hosts: ['*.shop.svc.cluster.local'], ...route('ledger') }, []],
    ['a route that all namespaces see', { exportTo: ['*'], ...route('ledger') }, []],
    ['a route that its own namespace sees', { exportTo: ['.'], ...route('ledger') }, ['ledger']],
    ['a route that two namespaces see', { exportTo: ['a', 'b'], ...route('ledger') }, ['ledger']],
    ['a route that no namespace sees', { exportTo: ['~'], ...route('ledger') }, ['ledger']],
  ])('tells with %s whether the service needs a route of ours', (_name, spec, expected) => {
    expect(find(at('shop', 'one', spec)).unrouted).toEqual(expected);
  });
});

describe('a cluster of another domain', () => {
  const domain = 'corp.example';
  const host = `ledger.shop.svc.${domain}`;

  it.each<[string, string, string[]]>([
    ['by the short name', 'ledger', ['one']],
    ['by the full name', host, ['one']],
    ['by a name of the default domain', 'ledger.shop.svc.cluster.local', []],
  ])('finds a route %s', (_case, to, expected) => {
    const found = findRoutes([at('shop', 'one', { hosts: [to], ...route(to) })], {
      namespace: 'shop',
      services,
      domain,
    });
    expect(found.divided.map(({ name }) => name)).toEqual(expected);
    expect(found.unrouted).toEqual(expected.length ? [] : ['ledger']);
  });

  it('gives a Service without a route one of its own host', () => {
    const [only] = ownRoutes('ledger', 'shop', [port('http')], domain).http ?? [];
    expect(only?.route).toEqual([{ destination: { host, port: { number: 80 } } }]);
  });

  it('reads what its proxies divide', () => {
    const clusters = [
      { name: `outbound|80||${host}`, weight: 90 },
      { name: `outbound|80||ledger-scc-canary.shop.svc.${domain}`, weight: 10 },
    ];
    expect(observedShares({ weighted_clusters: { clusters } }, { namespace: 'shop', domain }, services)).toEqual([
      { service: 'ledger', canary: 10, total: 100 },
    ]);
  });
});

describe('ownRoutes', () => {
  it('says what Istio does by default, port by port', () => {
    const host = 'ledger.shop.svc.cluster.local';
    expect(ownRoutes('ledger', 'shop', [port('http'), port('tcp', { port: 90 }), port('tls', { port: 443 })])).toEqual({
      hosts: [host],
      http: [{ match: [{ port: 80 }], route: [{ destination: { host, port: { number: 80 } } }] }],
      tcp: [{ match: [{ port: 90 }], route: [{ destination: { host, port: { number: 90 } } }] }],
      tls: [{ match: [{ port: 443, sniHosts: [host] }], route: [{ destination: { host, port: { number: 443 } } }] }],
    });
  });
});

describe('a port that declares no protocol', () => {
  it.each([
    [port(''), true],
    [port('postgres', { port: 5432 }), true],
    [port('http-api'), false],
    [port('grpc-web'), false],
    [port('tcp'), false],
    [port('x', { appProtocol: 'kubernetes.io/h2c' }), false],
    [port('x', { appProtocol: 'grpc-web' }), false],
    [port('x', { appProtocol: 'http-api' }), false],
    [port('hbone', { port: 15008 }), true],
  ])('%j: %s', (of, expected) => {
    expect(isUndeclared(of)).toBe(expected);
  });

  it('is routed as requests and as connections by a route of ours', () => {
    const { http, tcp } = ownRoutes('ledger', 'shop', [port('postgres', { port: 5432 })]);
    expect([http, tcp]).toMatchObject([[{ match: [{ port: 5432 }] }], [{ match: [{ port: 5432 }] }]]);
  });

  it("is refused when it is a database's and the user's route knows requests only", () => {
    const postgres = [port('postgres', { port: 5432 })];
    expect(undeclaredViolations('ledger', postgres, [{ hosts: ['ledger'], http: [] }])).toMatchObject([
      { code: 'PortCanNotBeDivided', message: expect.stringContaining('5432') as string },
    ]);
    expect(undeclaredViolations('ledger', postgres, [{ hosts: ['ledger'], tcp: [{}] }])).toEqual([]);
    expect(undeclaredViolations('ledger', [port('', { port: 8080 })], [])).toEqual([]);
  });
});

describe('TLS without a VirtualService', () => {
  it('is routed by every name that a client of the mesh calls the service by', () => {
    const names = ['ledger.shop.svc.cluster.local', 'ledger.shop.svc', 'ledger.shop', 'ledger'];
    expect(ownRoutes('ledger', 'shop', [port('https', { port: 8443 })])).toMatchObject({
      hosts: names,
      tls: [{ match: [{ port: 8443, sniHosts: names }] }],
    });
  });

  it('beside other protocols takes a route of the user', () => {
    const tls = port('https', { port: 8443 });
    expect(ownRouteViolations('ledger', [tls])).toEqual([]);
    expect(ownRouteViolations('ledger', [port('http'), tls])).toMatchObject([{ code: 'PortCanNotBeDivided' }]);
  });
});

describe('subsets of several workloads', () => {
  const spec = {
    host: 'ledger',
    subsets: [{ name: 'v1', labels: { version: 'v1' } }, { name: 'v2', labels: { version: 'v2' } }, { name: 'all' }],
  };
  const rule = { namespace: 'shop', name: 'reviews', spec };
  const asked = { namespace: 'shop', services, podLabels: { app: 'ledger', version: 'v1' } };

  it('are foreign when their labels pick none of its pods', () => {
    expect(foreignSubsets([rule], asked)).toEqual(['ledger/v2']);
    expect(foreignSubsets([rule], { namespace: 'shop', services })).toEqual([]);
  });
});
