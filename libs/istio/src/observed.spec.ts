import { dividesBy, mentions, mirrorsTo, observedEndpoints, observedShares, withoutHosts } from './observed.js';

const services = [{ name: 'ledger', canary: 'ledger-scc-canary' }];
const stable = 'outbound|80||ledger.shop.svc.cluster.local';
const canary = 'outbound|80||ledger-scc-canary.shop.svc.cluster.local';
const dump = (route: object): unknown[] => [{ virtual_hosts: [{ routes: [{ route }] }] }];
const weighted = (...clusters: [string, number?][]) => ({
  weighted_clusters: {
    clusters: clusters.map(([name, weight]) => ({ name, ...(weight === undefined ? {} : { weight }) })),
  },
});

describe('observedShares', () => {
  it.each<[string, object, { canary: number; total: number }[]]>([
    ['a lone cluster', { cluster: stable }, [{ canary: 0, total: 1 }]],
    ['weighted clusters', weighted([stable, 90], [canary, 10]), [{ canary: 10, total: 100 }]],
    ['a weight of zero, which protobuf leaves out', weighted([stable], [canary, 100]), [{ canary: 100, total: 100 }]],
    [
      'subsets of one service',
      weighted(['outbound|80|v1|ledger.shop.svc.cluster.local', 60], [stable, 20], [canary, 20]),
      [{ canary: 20, total: 100 }],
    ],
    ['clusters of others', { cluster: 'outbound|80||other.shop.svc.cluster.local' }, []],
    ['the blackhole', { cluster: 'BlackHoleCluster' }, []],
  ])('reads %s', (_name, route, expected) => {
    expect(observedShares(dump(route), { namespace: 'shop' }, services)).toEqual(
      expected.map((share) => ({ service: 'ledger', ...share })),
    );
  });

  it('leaves out a subset of another workload', () => {
    const [v1, v2] = ['v1', 'v2'].map((name) => `outbound|80|${name}|ledger.shop.svc.cluster.local`);
    const route = weighted([v1 ?? '', 81], [canary, 9], [v2 ?? '', 10]);
    expect(observedShares(dump(route), { namespace: 'shop' }, services, new Set(['ledger/v2']))).toEqual([
      { service: 'ledger', canary: 9, total: 90 },
    ]);
  });

  it('does not take a mirror for a destination', () => {
    const route = { cluster: stable, request_mirror_policies: [{ cluster: canary }] };
    expect(observedShares(dump(route), { namespace: 'shop' }, services)).toEqual([
      { service: 'ledger', canary: 0, total: 1 },
    ]);
    expect(mirrorsTo(dump(route))).toEqual(new Set(['ledger-scc-canary.shop.svc.cluster.local']));
  });
});

describe('dividesBy', () => {
  it('compares shares exactly', () => {
    const share = { service: 'ledger', canary: 1, total: 10 };
    expect(dividesBy([share], 10)).toBe(true);
    expect(dividesBy([share, { ...share, canary: 2 }], 10)).toBe(false);
    expect(dividesBy([], 10)).toBe(true);
  });
});

describe('observedEndpoints', () => {
  it('collects the addresses of a host over its clusters, without unhealthy ones', () => {
    const endpoint = (address: string, health_status?: string) => ({
      ...(health_status ? { health_status } : {}),
      endpoint: { address: { socket_address: { address, port_value: 8080 } } },
    });
    const assignments = [
      {
        cluster_name: stable,
        endpoints: [{ lb_endpoints: [endpoint('10.244.0.1'), endpoint('10.244.0.2', 'UNHEALTHY')] }],
      },
      { cluster_name: stable.replace('80', '81'), endpoints: [{ lb_endpoints: [endpoint('10.244.0.3')] }] },
      { cluster_name: canary },
    ];
    expect(observedEndpoints(assignments)).toEqual(
      new Map([
        ['ledger.shop.svc.cluster.local', new Set(['10.244.0.1', '10.244.0.3'])],
        ['ledger-scc-canary.shop.svc.cluster.local', new Set()],
      ]),
    );
  });
});

describe('withoutHosts', () => {
  const canaryHost = 'ledger-scc-canary.shop.svc.cluster.local';
  const own = {
    name: `${canaryHost}:80`,
    domains: [canaryHost, 'ledger-scc-canary'],
    routes: [{ route: { cluster: canary } }],
  };
  const ledger = { name: 'ledger', domains: ['ledger'], routes: [{ route: { cluster: stable } }] };

  it.each(['virtual_hosts', 'virtualHosts'])('leaves out the hosts by which a canary is called itself (%s)', (key) => {
    const seen = [{ [key]: [own, ledger] }];
    expect(mentions(seen, [canaryHost])).toBe(true);
    expect(withoutHosts(seen, [canaryHost])).toEqual([{ [key]: [ledger] }]);
    expect(mentions(withoutHosts(seen, [canaryHost]), [canaryHost])).toBe(false);
  });
});
