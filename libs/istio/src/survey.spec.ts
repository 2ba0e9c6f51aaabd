import { coversHost, resolvedHost } from './hosts.js';
import { findRoutes, ownRoutes, portViolations, protocolOf, type ServicePort } from './survey.js';

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
    [port('http', { protocol: 'UDP' }), 'udp'],
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
  ])('tells with %s whether the service needs a route of ours', (_name, spec, expected) => {
    expect(find(at('shop', 'one', spec)).unrouted).toEqual(expected);
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
