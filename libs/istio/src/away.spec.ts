import { ProxiesUnseen, RoutesBehind } from '@scc/routing';
import { awaitedOf, ProxiesAway } from './away.js';

const watched = { namespace: 'shop', services: [{ name: 'web', canary: 'web-scc-canary' }], hasStreams: false };

describe('proxies that istiod does not know any more', () => {
  it('are away from when they were first missed, and no longer once they are back or their pods have ended', async () => {
    let nowMs = 0;
    const running = new Set(['a.shop', 'b.shop']);
    const away = new ProxiesAway(
      (id) => Promise.resolve(running.has(id)),
      () => nowMs,
    );
    for (const id of ['a.shop', 'b.shop', 'c.shop']) away.remember(watched, id);
    expect(await away.missing(watched, new Set(['a.shop', 'b.shop', 'c.shop']))).toBeNull();
    expect(await away.missing(watched, new Set(['b.shop']))).toEqual({ ids: ['a.shop'], forMs: 0 });
    nowMs = 7_000;
    expect(await away.missing(watched, new Set())).toEqual({ ids: ['a.shop', 'b.shop'], forMs: 7_000 });
    expect(await away.missing(watched, new Set(['a.shop']))).toEqual({ ids: ['b.shop'], forMs: 0 });
    running.delete('b.shop');
    expect(await away.missing(watched, new Set(['a.shop']))).toBeNull();
    running.add('b.shop');
    expect(await away.missing(watched, new Set(['a.shop']))).toBeNull();
  });

  it('are those of other Services, or of none once their routes are restored', async () => {
    const away = new ProxiesAway(() => Promise.resolve(true));
    away.remember(watched, 'a.shop');
    expect(await away.missing({ ...watched, namespace: 'other' }, new Set())).toBeNull();
    away.forget(watched);
    expect(await away.missing(watched, new Set())).toBeNull();
  });

  it.each<[string, number, number, unknown]>([
    ['waited for', 4_000, 4_000, undefined],
    ['said, and tried again', 9_000, 4_500, ProxiesUnseen],
    ['given up, with what to do', 30_000, 0, RoutesBehind],
  ])('are %s', (_case, forMs, waitedMs, error) => {
    const said = () => awaitedOf({ ids: ['a.shop'], forMs }, waitedMs);
    if (error === undefined) expect(said()).toMatch(/^a.shop had a route to the workload/);
    else expect(said).toThrow(error as ErrorConstructor);
  });
});
