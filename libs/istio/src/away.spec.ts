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
    expect(await away.missing(watched, new Set(['b.shop']))).toEqual({
      ...{ ids: ['a.shop'], areSeen: true, forMs: 0 },
    });
    nowMs = 7_000;
    expect(await away.missing(watched, new Set())).toEqual({
      ...{ ids: ['a.shop', 'b.shop'], areSeen: true, forMs: 7_000 },
    });
    expect(await away.missing(watched, new Set(['a.shop']))).toEqual({
      ...{ ids: ['b.shop'], areSeen: true, forMs: 0 },
    });
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

  const never = new Set<string>();
  it.each<[string, string, boolean]>([
    ['runs, and of which nothing is known', 'x.shop', true],
    ['was seen to have no route there', 'unrelated.shop', false],
    ['was seen to have a route there, and then none', 'former.shop', true],
    ['is in a namespace that the plan accepts', 'x.legacy', false],
  ])('are missed as those who may route there where one %s', async (_case, id, isMissed) => {
    const away = new ProxiesAway(() => Promise.resolve(true));
    const asking = { ...watched, unasked: new Set(['legacy']) };
    away.acquit(asking, 'unrelated.shop');
    away.remember(asking, 'former.shop');
    away.acquit(asking, 'former.shop');
    away.suspect(asking, new Set([id]), new Set(['former.shop']));
    const missed = (await away.missing(asking, never))?.ids ?? [];
    expect(missed.includes(id)).toBe(isMissed);
  });

  it('are not missed by a survey that does not say which namespaces the plan accepts, unless they were seen', async () => {
    const away = new ProxiesAway(() => Promise.resolve(true));
    away.suspect(watched, new Set(['x.shop']), never);
    expect(await away.missing(watched, never)).toBeNull();
  });

  it('hold a way back up for half a minute where nothing is known of them, and for as long as they run where it is', async () => {
    let nowMs = 0;
    const away = new ProxiesAway(
      () => Promise.resolve(true),
      () => nowMs,
    );
    const asking = { ...watched, unasked: never };
    away.suspect(asking, new Set(['x.shop']), never);
    expect(await away.missing(asking, never, true)).toMatchObject({ ids: ['x.shop'] });
    nowMs = 30_000;
    expect(await away.missing(asking, never)).toMatchObject({ ids: ['x.shop'], areSeen: false });
    expect(await away.missing(asking, never, true)).toBeNull();
    away.suspect(asking, new Set(['x.shop']), never);
    expect(await away.missing(asking, never)).toBeNull();
    away.remember(asking, 'a.shop');
    await away.missing(asking, never, true);
    nowMs = 90_000;
    expect(await away.missing(asking, never, true)).toMatchObject({ ids: ['a.shop'], areSeen: true });
  });

  it('are not known any more once many other workloads were asked about: one that runs is missed again', async () => {
    const away = new ProxiesAway(() => Promise.resolve(true));
    const asking = { ...watched, unasked: never };
    away.acquit(asking, 'unrelated.shop');
    for (let other = 0; other < 300; other += 1) away.remember({ ...asking, namespace: `other-${other}` }, 'a.shop');
    away.suspect(asking, new Set(['unrelated.shop']), never);
    expect(await away.missing(asking, never)).toMatchObject({ ids: ['unrelated.shop'], areSeen: false });
  });

  it('are said to be many, and with what is known of them', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}.shop`);
    expect(awaitedOf({ ids, areSeen: false, forMs: 0 }, 0)).toMatch(
      /^a.shop, b.shop, c.shop, d.shop, e.shop, 2 more may have had a route/,
    );
  });

  it.each<[string, number, number, unknown]>([
    ['waited for', 4_000, 4_000, undefined],
    ['said, and tried again', 9_000, 4_500, ProxiesUnseen],
    ['given up, with what to do', 30_000, 0, RoutesBehind],
  ])('are %s', (_case, forMs, waitedMs, error) => {
    const said = () => awaitedOf({ ids: ['a.shop'], areSeen: true, forMs }, waitedMs);
    if (error === undefined) expect(said()).toMatch(/^a.shop had a route to the workload/);
    else expect(said).toThrow(error as ErrorConstructor);
  });
});
