import { describe, expect, it } from '@jest/globals';
import { goDurationMs } from './reload.js';
import { findOpenShiftRoutes, type NamedOpenShiftRoute } from './survey.js';

const PAIR = [{ name: 'ledger', canary: 'ledger-canary' }];
const backend = (name: string, weight = 100) => ({ kind: 'Service', name, weight });
const admitted = (routerName: string, status = 'True') => ({
  routerName,
  host: 'ledger.example',
  conditions: [{ type: 'Admitted', status }],
});

const route = ({ spec, ...changed }: Partial<NamedOpenShiftRoute> = {}): NamedOpenShiftRoute => ({
  name: 'ledger',
  annotations: {},
  maker: null,
  spec: { to: backend('ledger'), ...spec },
  status: { ingress: [admitted('default')] },
  ...changed,
});
const found = (one: NamedOpenShiftRoute, sees = true) => findOpenShiftRoutes([one], PAIR, { sees });
const balance = (algorithm: string) => route({ annotations: { 'haproxy.router.openshift.io/balance': algorithm } });
const cookies = (value: string) => route({ annotations: { 'haproxy.router.openshift.io/disable_cookies': value } });

describe('a Route that leads to a workload', () => {
  it('is divided by the routers that admit it', () => {
    const ingress = [admitted('default'), admitted('internal'), admitted('partner', 'False')];
    expect(found(route({ status: { ingress } })).divided).toMatchObject([
      { name: 'ledger', routers: ['default', 'internal'] },
    ]);
  });

  it('is one that names the Service, whatever its weight', () => {
    expect(found(route({ spec: { to: backend('other') } }))).toEqual({ divided: [], undivided: [], warnings: [] });
    const spare = route({ spec: { to: backend('other'), alternateBackends: [backend('ledger', 0)] } });
    expect(found(spare).divided).toHaveLength(1);
  });

  const others = ['a', 'b', 'c'].map((name) => backend(name));
  it.each<[string, NamedOpenShiftRoute, string]>([
    [
      'with three alternates',
      route({ spec: { to: backend('ledger'), alternateBackends: others } }),
      'more than 3 alternate',
    ],
    [
      'where the Service is the third alternate',
      route({ spec: { to: backend('a'), alternateBackends: [...others.slice(1), backend('ledger')] } }),
      'more than 3 alternate',
    ],
    ['made from an Ingress', route({ maker: { kind: 'Ingress', name: 'shop' } }), 'Ingress shop made it'],
    ['made by any controller', route({ maker: { kind: 'Console', name: 'cluster' } }), 'Console cluster made it'],
    ['admitted by no router', route({ status: { ingress: [admitted('default', 'False')] } }), 'no router says'],
    ['that no router has seen', route({ status: {} }), 'no router says'],
    ['whose weights are all 0', route({ spec: { to: backend('ledger', 0) } }), 'answers nobody'],
    ['balanced by connections', balance('leastconn'), 'balanced by leastconn'],
    ['balanced by addresses', balance('source'), 'balanced by source'],
  ])('is refused %s', (_name, one, reason) => {
    const { divided, undivided } = found(one);
    expect(divided).toEqual([]);
    expect(undivided).toEqual([
      {
        kind: 'Route',
        name: 'ledger',
        code: 'RouteCanNotBeDivided',
        reason: expect.stringContaining(reason) as unknown,
        remedy: expect.any(String) as unknown,
      },
    ]);
  });

  it.each(['roundrobin', 'random', 'no-such-word'])('is divided when it is balanced by %s', (algorithm) => {
    expect(found(balance(algorithm)).divided).toHaveLength(1);
  });

  it('with room for the canary is divided', () => {
    const two = route({ spec: { to: backend('ledger'), alternateBackends: others.slice(0, 2) } });
    expect(found(two).divided).toHaveLength(1);
  });

  it('keeps clients by a cookie, which is said, and refused where nothing would see them', () => {
    expect(found(route())).toMatchObject({
      divided: [{ isSticky: true }],
      warnings: [expect.stringContaining('cookie')],
    });
    expect(found(route(), false)).toMatchObject({
      divided: [],
      undivided: [{ remedy: expect.stringContaining('disable_cookies') as unknown }],
    });
    for (const value of ['true', 'TRUE'])
      expect(found(cookies(value), false)).toMatchObject({ divided: [{ isSticky: false }], warnings: [] });
    expect(found(cookies('false'))).toMatchObject({ divided: [{ isSticky: true }] });
  });

  it('that passes connections through has no cookies, and says what is divided', () => {
    const passing = route({ spec: { to: backend('ledger'), tls: { termination: 'passthrough' } } });
    expect(found(passing, false)).toMatchObject({
      divided: [{ isSticky: false }],
      warnings: [expect.stringContaining('new connections')],
    });
  });
});

describe('a reload interval', () => {
  it.each([
    ['5s', 5000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['1.5s', 1500],
    ['soon', null],
    ['', null],
  ])('%s is read as Go writes it', (text, ms) => {
    expect(goDurationMs(text)).toBe(ms);
  });
});
