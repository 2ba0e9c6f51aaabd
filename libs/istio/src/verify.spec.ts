import type { ProxyState, ProxyView } from './proxies.js';
import { cookiePattern, NotServed, RoutesBehind } from '@scc/routing';
import { Verifier, type VerifierOptions } from './verify.js';

const NAMESPACE = 'shop';
const services = [{ name: 'ledger', canary: 'ledger-scc-canary' }];
const watched = { namespace: NAMESPACE, services, hasStreams: false };
const affinity = { cookie: 'scc-canary', value: 'mine', maxAgeS: 60 };
const cluster = (service: string): string => `outbound|80||${service}.${NAMESPACE}.svc.cluster.local`;

/** istiod's words on one proxy. */
interface Proxy {
  sent: string;
  acked: string;
  /** The canary's share of the requests in the routes that it was given; null: the routes name no canary. */
  canary: number | null;
  /** Where testers are led; absent: where all others are. */
  testers?: string;
  /** Where clients with the cookie of the canary are led; absent: where all others are. */
  returning?: string;
  /** Its routes do not name the service at all. */
  unknown: boolean;
  /** Addresses by service; a service that is absent is not known to the proxy. */
  endpoints: Record<string, string[]>;
}
const aProxy = (over: Partial<Proxy> = {}): Proxy => ({
  sent: '1',
  acked: '1',
  canary: 0,
  unknown: false,
  endpoints: {},
  ...over,
});

const routesOf = ({ canary, unknown, testers, returning }: Proxy): unknown[] => {
  if (unknown)
    return [
      {
        virtual_hosts: [
          { domains: ['other'], routes: [{ route: { cluster: 'outbound|80||other.shop.svc.cluster.local' } }] },
        ],
      },
    ];
  const stable = { name: cluster('ledger'), weight: 100 - (canary ?? 0) };
  const clusters = canary === null ? [stable] : [stable, { name: cluster('ledger-scc-canary'), weight: canary }];
  const headers = [{ name: 'x-tester', string_match: { exact: 'yes' } }];
  const ofTesters = testers === undefined ? [] : [{ match: { headers }, route: { cluster: cluster(testers) } }];
  const carrying = [{ name: 'cookie', string_match: { safe_regex: { regex: cookiePattern(affinity) } } }];
  const ofReturning =
    returning === undefined ? [] : [{ match: { headers: carrying }, route: { cluster: cluster(returning) } }];
  const routes = [...ofTesters, ...ofReturning, { match: { prefix: '/' }, route: { weighted_clusters: { clusters } } }];
  return [{ virtual_hosts: [{ domains: ['ledger'], routes }] }];
};
const endpointsOf = ({ endpoints }: Proxy): unknown[] =>
  Object.entries(endpoints).map(([service, addresses]) => ({
    cluster_name: cluster(service),
    endpoints: [{ lb_endpoints: addresses.map((address) => ({ endpoint: { address: { address } } })) }],
  }));

/** The mesh as the last entry of a story says, one entry each time that all proxies are asked for. */
function telling(
  story: Record<string, Proxy>[],
  {
    timeoutMs = 400,
    signal,
    stuckMs = 40,
    isRunning = () => Promise.resolve(false),
    running = () => Promise.resolve(null),
  }: Partial<Pick<VerifierOptions, 'timeoutMs' | 'stuckMs' | 'isRunning' | 'running'>> & { signal?: AbortSignal } = {},
) {
  let told = 0;
  const dumped: string[] = [];
  let now = story[0] ?? {};
  const view: ProxyView = {
    proxies: () => {
      now = story[Math.min(told++, story.length - 1)] ?? {};
      const none = { sent: '', acked: '' };
      return Promise.resolve(
        Object.entries(now).map(([id, { sent, acked }]): ProxyState => ({
          ...{ id, istiod: '127.0.0.1', endpoints: none, clusters: none, listeners: none },
          routes: { sent, acked },
        })),
      );
    },
    dump: ({ id }, type) => {
      dumped.push(id);
      const proxy = now[id] ?? aProxy();
      return Promise.resolve(type === 'eds' ? endpointsOf(proxy) : routesOf(proxy));
    },
  };
  return {
    verifier: new Verifier({ view, timeoutMs, stuckMs, signal: () => signal, isRunning, running }),
    asked: () => told,
    dumped,
  };
}

const to25 = { canary: 25, mirror: null };
const behind = aProxy();
const done = aProxy({ sent: '2', acked: '2', canary: 25 });

describe('routes', () => {
  it.each<[string, Proxy]>([
    ['was not sent them', behind],
    ['has not acknowledged them', aProxy({ sent: '2', acked: '1', canary: 25 })],
    ['would get them with the next push only', aProxy({ sent: '1', acked: '1', canary: 25 })],
    ['was never sent anything', aProxy({ sent: '', acked: '', canary: 25 })],
    ['was sent others', aProxy({ sent: '2', acked: '2', canary: 10 })],
  ])('are not there while one proxy %s', async (_case, late) => {
    const { verifier } = telling([
      { gateway: behind, sidecar: behind },
      { gateway: done, sidecar: late },
    ]);
    const before = await verifier.before(watched, to25);
    const waiting = verifier.routes(watched, to25, before);
    await expect(waiting).rejects.toThrow(RoutesBehind);
    await expect(waiting).rejects.toThrow(/0\.4 s sidecar did not take over the routes/);
  });

  it('are not asked for of a proxy that nothing was pushed to since they were others', async () => {
    const unsent = { gateway: aProxy({ canary: 25 }), sidecar: done };
    const { verifier, asked, dumped } = telling([{ gateway: behind, sidecar: behind }, unsent]);
    const before = await verifier.before(watched, to25);
    dumped.length = 0;
    await expect(verifier.routes(watched, to25, before)).rejects.toThrow(/gateway did not take over the routes/);
    expect(asked()).toBeGreaterThan(2);
    expect(dumped).toEqual(['sidecar']);
  });

  it('are asked for once after each push, whatever was pushed', async () => {
    const other = { gateway: aProxy({ sent: '2', acked: '2' }) };
    const ours = { gateway: aProxy({ sent: '3', acked: '3', canary: 25 }) };
    const { verifier, dumped } = telling([{ gateway: behind }, other, other, other, ours]);
    const before = await verifier.before(watched, to25);
    dumped.length = 0;
    await verifier.routes(watched, to25, before);
    expect(dumped).toEqual(['gateway', 'gateway']);
  });

  describe('that were pushed as they were before', () => {
    /** istiod computes routes anew when they are written again, and not before. */
    const stuck = (proxy: Proxy, writes: number) => {
      let now = behind;
      let again = 0;
      const view: ProxyView = {
        proxies: () => {
          const none = { sent: '', acked: '' };
          const { sent, acked } = now;
          return Promise.resolve([
            { id: 'sidecar', istiod: 'x', endpoints: none, clusters: none, listeners: none, routes: { sent, acked } },
          ]);
        },
        dump: () => Promise.resolve(routesOf(now)),
      };
      const isRunning = () => Promise.resolve(false);
      const verifier = new Verifier({ view, timeoutMs: 900, stuckMs: 40, signal: () => undefined, isRunning });
      const follow = async () => {
        const before = await verifier.before(watched, to25);
        now = proxy;
        return verifier.routes(watched, to25, before, () => {
          again += 1;
          const pushed = String(2 + again);
          now = again === writes ? { ...done, sent: pushed, acked: pushed } : { ...proxy, sent: pushed, acked: pushed };
          return Promise.resolve();
        });
      };
      return { follow, written: () => again };
    };

    it.each([1, 3])('are written %d times again until they are not', async (times) => {
      const { follow, written } = stuck(aProxy({ sent: '2', acked: '2' }), times);
      await expect(follow()).resolves.toBe(1);
      expect(written()).toBe(times);
    });

    it('are written again where a try before has written them, so that nothing is pushed', async () => {
      const { follow, written } = stuck(behind, 1);
      await expect(follow()).resolves.toBe(1);
      expect(written()).toBe(1);
    });

    it('are written three times again in one try, and no more', async () => {
      const { follow, written } = stuck(aProxy({ sent: '2', acked: '2' }), 9);
      await expect(follow()).rejects.toThrow(RoutesBehind);
      expect(written()).toBe(3);
    });

    it.each<[string, Proxy]>([
      ['has not acknowledged them', aProxy({ sent: '2', acked: '1' })],
      ['has them', done],
    ])('are not written again where a proxy %s', async (_case, proxy) => {
      const { follow, written } = stuck(proxy, 9);
      await follow().catch(() => undefined);
      expect(written()).toBe(0);
    });
  });

  it.each<[string, Partial<Proxy>, boolean | undefined, boolean]>([
    ['are there once testers are led to the canary', { testers: 'ledger-scc-canary' }, undefined, true],
    ['are not there while testers are led where all others are', {}, undefined, false],
    ['are not there while testers are led to the workload', { testers: 'ledger' }, undefined, false],
    [
      'are not there while testers are held back and are still led to the canary',
      { testers: 'ledger-scc-canary' },
      true,
      false,
    ],
    ['are there while testers are held back', {}, true, true],
  ])('%s', async (_case, over, isHeld, isThere) => {
    const testers = { header: 'x-tester', value: 'yes', ...(isHeld === undefined ? {} : { isHeld }) };
    const asked = { ...watched, testers };
    const { verifier } = telling([{ gateway: behind }, { gateway: { ...done, ...over } }]);
    const waiting = verifier.routes(asked, to25, await verifier.before(asked, to25));
    await (isThere ? expect(waiting).resolves.toBe(1) : expect(waiting).rejects.toThrow(RoutesBehind));
  });

  it.each<[string, number, string | undefined, boolean]>([
    ['are there once clients that met the canary are led to it', 25, 'ledger-scc-canary', true],
    ['are not there while these are led where all others are', 25, undefined, false],
    ['are not there while these are led to the workload', 25, 'ledger', false],
    ['are there at the end of a way back once these are led to the workload', 0, 'ledger', true],
    ['are not there at the end of a way back while these are led to the canary', 0, 'ledger-scc-canary', false],
  ])('%s', async (_case, canary, returning, isThere) => {
    const asked = { ...watched, affinity };
    const split = { canary, mirror: null };
    const now = { ...done, canary, ...(returning === undefined ? {} : { returning }) };
    const { verifier } = telling([{ gateway: aProxy({ canary: 50 }) }, { gateway: { ...now, sent: '2', acked: '2' } }]);
    const waiting = verifier.routes(asked, split, await verifier.before(asked, split));
    await (isThere ? expect(waiting).resolves.toBe(1) : expect(waiting).rejects.toThrow(RoutesBehind));
  });

  it('are no longer waited for once the migration is stopped', async () => {
    const stop = new AbortController();
    const { verifier, asked } = telling([{ gateway: behind }], { timeoutMs: 3_600_000, signal: stop.signal });
    const before = await verifier.before(watched, to25);
    const waiting = verifier.routes(watched, to25, before);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow(/stopped|aborted/);
    expect(asked()).toBeLessThan(5);
  });

  it('are there once every proxy has acknowledged them, seen twice', async () => {
    const late = { gateway: done, sidecar: behind };
    const all = { gateway: done, sidecar: done };
    const { verifier, asked } = telling([{ gateway: behind, sidecar: behind }, late, late, all]);
    await verifier.routes(watched, to25, await verifier.before(watched, to25));
    expect(asked()).toBe(5);
  });

  it('need no push to a proxy that had them before', async () => {
    const had = aProxy({ canary: 25 });
    const { verifier } = telling([{ gateway: had }]);
    await expect(verifier.routes(watched, to25, await verifier.before(watched, to25))).resolves.toBe(1);
  });

  it('are not waited for at a proxy that has left between two questions', async () => {
    const view: ProxyView = {
      proxies: () => {
        const none = { sent: '', acked: '' };
        const states = ['gateway', 'left'].map((id): ProxyState => ({
          ...{ id, istiod: 'x', endpoints: none, clusters: none, listeners: none },
          routes: { sent: '2', acked: '2' },
        }));
        return Promise.resolve(states);
      },
      dump: ({ id }) => Promise.resolve(id === 'left' ? null : routesOf(done)),
    };
    const verifier = new Verifier({
      view,
      timeoutMs: 400,
      signal: () => undefined,
      isRunning: () => Promise.resolve(true),
    });
    expect(await verifier.routes(watched, to25, new Map())).toBe(1);
    const addresses = () => Promise.resolve({ ready: new Set<string>(), all: new Set<string>() });
    await expect(verifier.endpoints(watched, { stable: true, canary: true }, addresses)).resolves.toBeUndefined();
  });

  it('are not waited for at a proxy that does not know the service', async () => {
    const sick = aProxy({ sent: '2', acked: '1', unknown: true });
    const { verifier } = telling([
      { gateway: behind, unrelated: sick },
      { gateway: done, unrelated: sick },
    ]);
    expect(await verifier.routes(watched, to25, await verifier.before(watched, to25))).toBe(1);
  });

  it.each<[string, Record<string, Proxy>]>([
    ['there is no proxy', {}],
    ['no proxy knows the service', { unrelated: aProxy({ unknown: true }) }],
  ])('are never verified when %s', async (_case, mesh) => {
    const { verifier } = telling([mesh]);
    const before = await verifier.before(watched, to25);
    await expect(verifier.routes(watched, to25, before)).rejects.toThrow(NotServed);
    expect(await verifier.routes(watched, { canary: 0, mirror: null }, before)).toBe(0);
    expect(await verifier.routes(watched, null, before)).toBe(0);
    expect(await verifier.serves(watched)).toBe(false);
  });

  it('are waited for while an istiod that has just started knows no proxy, or none that knows the service', async () => {
    const unrelated = aProxy({ unknown: true });
    const { verifier } = telling([{ gateway: behind }, {}, {}, { unrelated }, { unrelated }, { gateway: done }]);
    expect(await verifier.routes(watched, to25, await verifier.before(watched, to25))).toBe(1);
  });

  const left = (story: Record<string, Proxy>[], running: (asked: number) => boolean) => {
    let asked = 0;
    return telling(story, { isRunning: () => Promise.resolve(running(asked++)) });
  };

  it('are waited for at a proxy that istiod does not know yet while it knows others, as long as its pod runs', async () => {
    const { verifier } = left([{ gateway: behind, sidecar: behind }, { gateway: done }], () => true);
    const waiting = verifier.routes(watched, to25, await verifier.before(watched, to25));
    await expect(waiting).rejects.toThrow(/sidecar had a route .* is connected to no istiod/);
    const back = left(
      [{ gateway: behind, sidecar: behind }, { gateway: done }, { gateway: done, sidecar: done }],
      () => true,
    );
    expect(await back.verifier.routes(watched, to25, await back.verifier.before(watched, to25))).toBe(2);
  });

  it('are not waited for at a proxy whose pod has ended', async () => {
    const { verifier } = left([{ gateway: behind, sidecar: behind }, { gateway: done }], (asked) => asked < 2);
    expect(await verifier.routes(watched, to25, await verifier.before(watched, to25))).toBe(1);
  });

  it('are waited for at a proxy that was away already before the change, until the routes are restored', async () => {
    const restored = aProxy({ sent: '3', acked: '3', canary: null });
    const both = { gateway: behind, sidecar: behind };
    const story = [both, { gateway: done, sidecar: done }, { gateway: done, sidecar: done }, { gateway: done }];
    const { verifier } = left(
      [...story, ...[1, 2, 3].map(() => ({ gateway: restored })), { gateway: restored, sidecar: restored }],
      () => true,
    );
    await verifier.routes(watched, to25, await verifier.before(watched, to25));
    expect(await verifier.routes(watched, null, await verifier.before(watched, null))).toBe(2);
  });

  describe('with a worker that has ended since', () => {
    const asking = { ...watched, unasked: new Set(['legacy']) };
    const both = { 'gateway.edge': behind, 'sidecar.shop': behind };
    const seen = { 'gateway.edge': done, 'sidecar.shop': done };
    const to50 = { canary: 50, mirror: null };
    const half = aProxy({ sent: '3', acked: '3', canary: 50 });
    /** What the first worker has seen is unknown to the second one. */
    const second = async (after: Record<string, Proxy>[], pods: string[]) => {
      const running = () => Promise.resolve(new Set(pods));
      const isRunning = (id: string) => Promise.resolve(pods.includes(id));
      const first = telling([both, seen], { running, isRunning });
      await first.verifier.routes(asking, to25, await first.verifier.before(asking, to25));
      const { verifier } = telling(after, { running, isRunning });
      return verifier.routes(asking, to50, await verifier.before(asking, to50));
    };

    it('are waited for at a proxy that went away before the next one began, while its pod runs', async () => {
      const without = [{ 'gateway.edge': done }, { 'gateway.edge': half }];
      const all = ['gateway.edge', 'sidecar.shop', 'elsewhere.legacy'];
      await expect(second(without, all)).rejects.toThrow(/sidecar.shop may have had a route .* no istiod/);
      const back = [...without, { 'gateway.edge': half, 'sidecar.shop': half }];
      expect(await second(back, all)).toBe(2);
      expect(await second(without, ['gateway.edge'])).toBe(1);
    });

    it('are not waited for at one that the next one has seen to have no route there', async () => {
      const unrelated = aProxy({ unknown: true });
      const after = [
        { 'gateway.edge': done, 'sidecar.shop': unrelated },
        { 'gateway.edge': half, 'sidecar.shop': unrelated },
        { 'gateway.edge': half },
      ];
      expect(await second(after, ['gateway.edge', 'sidecar.shop'])).toBe(1);
    });
  });

  it('are gone only when no proxy names the canary, not even with a weight of zero', async () => {
    const zero = aProxy({ sent: '2', acked: '2', canary: 0 });
    const { verifier } = telling([{ gateway: behind }, { gateway: zero }]);
    await expect(verifier.routes(watched, null, await verifier.before(watched, null))).rejects.toThrow(RoutesBehind);
    const gone = telling([{ gateway: behind }, { gateway: aProxy({ sent: '3', acked: '3', canary: null }) }]);
    const before = await gone.verifier.before(watched, null);
    await expect(gone.verifier.routes(watched, null, before)).resolves.toBe(1);
  });
});

describe('endpoints', () => {
  const both = { stable: true, canary: true };
  const known = { ledger: ['10.244.1.1'], 'ledger-scc-canary': ['10.244.1.2', '10.244.1.3'] };
  const addresses = (service: string) => {
    const all = new Set(known[service as keyof typeof known]);
    return Promise.resolve({ ready: all, all });
  };

  it.each<[string, Record<string, string[]>, RegExp]>([
    ['lacks a ready one', { ...known, 'ledger-scc-canary': ['10.244.1.2'] }, /does not know 1 of 2 endpoints/],
    ['lacks the whole canary', { ledger: known.ledger }, /does not know 2 of 2 endpoints of ledger-scc-canary/],
    ['keeps one that is gone', { ...known, ledger: ['10.244.1.1', '10.244.1.9'] }, /still knows 1 endpoints of ledger/],
  ])('are not there while a proxy %s', async (_case, endpoints, message) => {
    const { verifier } = telling([{ gateway: aProxy({ endpoints: known }), sidecar: aProxy({ endpoints }) }]);
    await expect(verifier.endpoints(watched, both, addresses)).rejects.toThrow(message);
  });

  it('are there when each proxy that calls the service knows them', async () => {
    const other = aProxy({ endpoints: { catalog: ['10.244.1.7'] } });
    const { verifier } = telling([{ gateway: aProxy({ endpoints: known }), other }]);
    await expect(verifier.endpoints(watched, both, addresses)).resolves.toBeUndefined();
  });

  it('of a side that gets no requests do not matter', async () => {
    const { verifier } = telling([{ gateway: aProxy({ endpoints: { ledger: known.ledger } }) }]);
    const stableOnly = { stable: true, canary: false };
    await expect(verifier.endpoints(watched, stableOnly, addresses)).resolves.toBeUndefined();
  });
});
