import { describe, expect, it } from '@jest/globals';
import type { PreImage, Split, Survey, SurveyRequest, TrafficRouter, Verified } from '@scc/routing';

/** Fields that a user can set on an object that routes requests. */
export interface RoutedState {
  spec: unknown;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** How one route of the user's divides requests, in parts of what it sends in all. */
export interface RouteShares {
  /** To the service of the workload. */
  stable: number;
  canary: number;
  /** To everybody else. */
  foreign: number;
}

/**
 * A place with a service that two routes of a user send to: `alone` sends everything to it, `shared` sends 80 of 100
 * parts to it and 20 to another service.
 */
export interface RouterWorld {
  request: SurveyRequest;
  /** A router as a process has it that has just started. */
  router: () => TrafficRouter;
  /** A router whose process ends right after its call number `at` (from 1) took effect. */
  crashing: (at: number) => TrafficRouter;
  /** The user's own objects by name. */
  state: () => Promise<Record<string, RoutedState>>;
  /** Of both routes. Where none can send to others as well, `second` stands in for `shared`, and divides as `alone` does. */
  shares: () => Promise<{ alone: RouteShares } & ({ shared: RouteShares } | { second: RouteShares })>;
  /** Of the requests of testers, on each route; absent where a router cannot tell them from others and says so. */
  sharesOfTesters?: () => Promise<RouteShares[]>;
  /** Of the requests with the cookie of the canary, likewise. */
  sharesOfReturning?: () => Promise<RouteShares[]>;
  /** How a division is known to have arrived here. */
  verifiedBy: Verified['verifiedBy'];
  /** The share that a router comes to which cannot divide exactly, by whole things that it counts. */
  nearest?: (percent: number) => number;
  /** There is nothing to write before the canary gets requests. */
  isPrepared?: boolean;
  /** Another client changes something of the route `alone` that is no division. */
  edit: () => Promise<void>;
  /** Another client sends all requests of the route `alone` to the stable side again. */
  tamper: () => Promise<void>;
  /** The objects that were not there before. */
  additions: () => Promise<string[]>;
}

const at = (canary: number): Split => ({ canary, mirror: null });
/** The first weight of an undo. */
const back: Split = { canary: 0, mirror: null, isUndo: true };
const divided = (percent: number): Record<'alone' | 'shared', RouteShares> => ({
  alone: { stable: (100 - percent) / 100, canary: percent / 100, foreign: 0 },
  shared: { stable: (0.8 * (100 - percent)) / 100, canary: (0.8 * percent) / 100, foreign: 0.2 },
});

interface Begun {
  survey: Survey;
  images: PreImage[];
  before: Record<string, RoutedState>;
}

async function begin({ router, request, state }: RouterWorld): Promise<Begun> {
  const { survey, violations } = await router().survey(request);
  expect(violations).toEqual([]);
  // As kept in a history: plain data.
  const kept = JSON.parse(JSON.stringify(survey)) as Survey;
  return { survey: kept, images: await router().preImages(kept), before: await state() };
}

async function expectShares(world: RouterWorld, percent: number): Promise<void> {
  const expected = divided(world.nearest?.(percent) ?? percent);
  const found = Object.entries<RouteShares>(await world.shares());
  expect(found).toHaveLength(2);
  for (const [route, shares] of found)
    for (const side of ['stable', 'canary', 'foreign'] as const) {
      const wanted = expected[route === 'shared' ? 'shared' : 'alone'][side];
      expect([route, side, shares[side]]).toEqual([route, side, expect.closeTo(wanted, 10)]);
    }
}

/**
 * What every router promises.
 * @param make a new world for each test
 * @param timeoutMs for one test
 */
export function trafficRouterContract(make: () => Promise<RouterWorld>, timeoutMs = 5000): void {
  const promises = (name: string, test: (world: RouterWorld) => Promise<void>): void => {
    it(name, async () => test(await make()), timeoutMs);
  };

  describe('a traffic router', () => {
    promises('finds every route of the workload and changes nothing by looking', async (world) => {
      const before = await world.state();
      const { ways, violations } = await world.router().survey(world.request);
      expect(violations).toEqual([]);
      const { images } = await begin(world);
      // Both routes are there once, and are kept as they were; names of other namespaces come with those.
      const found = ways.map(({ name }) => name.split('/').at(-1) ?? name).toSorted();
      expect(found).toHaveLength(2);
      expect(new Set(found).size).toBe(2);
      for (const name of found) expect(Object.keys(before)).toContain(name);
      for (const name of found) expect(images.map(({ id }) => id.name)).toContain(name);
      expect(await world.state()).toEqual(before);
      expect(await world.additions()).toEqual([]);
    });

    promises('says how it knows that a division has arrived, and which share it comes to', async (world) => {
      const { survey } = await begin(world);
      await world.router().prepare(survey);
      for (const percent of [25, 100]) {
        const { verifiedBy, shares = [] } = await world.router().split(survey, at(percent));
        expect(verifiedBy).toBe(world.verifiedBy);
        const wanted = world.nearest?.(percent);
        if (wanted !== undefined) expect(shares).toHaveLength(2);
        for (const { share } of shares) expect(share).toBeCloseTo(wanted ?? percent, 1);
      }
    });

    promises('writes nothing while those that move with it cannot begin', async (world) => {
      const { survey } = await begin(world);
      await world.router().prepare(survey);
      const prepared = await world.state();
      const others = (): Promise<void> => Promise.reject(new Error('the others cannot begin'));
      await expect(world.router().split(survey, at(50), others)).rejects.toThrow('the others cannot begin');
      expect(await world.state()).toEqual(prepared);
      await expectShares(world, 0);
    });

    promises('prepares without giving the canary a request', async (world) => {
      const { survey } = await begin(world);
      await world.router().prepare(survey);
      await expectShares(world, 0);
    });

    promises('divides every route exactly and keeps the proportions of others', async (world) => {
      const { survey } = await begin(world);
      await world.router().prepare(survey);
      for (const percent of [10, 33, 50, 100, 0]) {
        await world.router().split(survey, at(percent));
        await expectShares(world, percent);
      }
    });

    promises('does the same when it is told the same twice', async (world) => {
      const { survey, images, before } = await begin(world);
      for (const _time of [1, 2]) await world.router().prepare(survey);
      for (const _time of [1, 2]) await world.router().split(survey, at(25));
      await expectShares(world, 25);
      for (const _time of [1, 2]) expect(await world.router().restore(survey, images)).toEqual([]);
      expect(await world.state()).toEqual(before);
    });

    promises('notices when another client divides otherwise, and nothing else', async (world) => {
      const { survey } = await begin(world);
      await world.router().prepare(survey);
      await world.router().split(survey, at(50));
      expect(await world.router().drift(survey, at(50))).toBeNull();
      await world.edit();
      expect(await world.router().drift(survey, at(50))).toBeNull();
      await world.tamper();
      expect(await world.router().drift(survey, at(50))).toMatchObject({ fields: expect.any(Array) });
    });

    promises('restores spec, labels and annotations, and leaves nothing behind', async (world) => {
      const { survey, images, before } = await begin(world);
      await world.router().prepare(survey);
      for (const percent of [10, 100]) await world.router().split(survey, at(percent));
      expect(await world.router().restore(survey, images)).toEqual([]);
      expect(await world.state()).toEqual(before);
      expect(await world.additions()).toEqual([]);
    });

    promises(
      'sends testers to the canary at every share of it and nobody else, or says that it cannot',
      async (world) => {
        const asking = { ...world, request: { ...world.request, testers: { header: 'x-tester', value: 'yes' } } };
        if (!world.sharesOfTesters) {
          const { violations } = await world.router().survey(asking.request);
          expect(violations.map(({ code }) => code)).toContain('TestersNotRouted');
          return;
        }
        const { survey, images, before } = await begin(asking);
        await world.router().prepare(survey);
        for (const percent of [0, 25, 100, 0]) {
          await world.router().split(survey, at(percent));
          await expectShares(world, percent);
          const ofTesters = await world.sharesOfTesters();
          expect(ofTesters).toHaveLength(2);
          for (const { stable, canary } of ofTesters) expect([stable, canary > 0]).toEqual([0, true]);
          expect(await world.router().drift(survey, at(percent))).toBeNull();
        }
        // On the way back they go where all others do, with the first write.
        await world.router().split(survey, back);
        await expectShares(world, 0);
        for (const { canary } of await world.sharesOfTesters()) expect(canary).toBe(0);
        expect(await world.router().restore(survey, images)).toEqual([]);
        expect(await world.state()).toEqual(before);
      },
    );

    promises(
      'keeps clients that met the canary there while both sides have a share, or says that it cannot',
      async (world) => {
        const affinity = { cookie: 'scc-canary', value: 'mine', maxAgeS: 60 };
        const asking = { ...world, request: { ...world.request, affinity } };
        if (!world.sharesOfReturning) {
          const { violations } = await world.router().survey(asking.request);
          expect(violations.map(({ code }) => code)).toContain('AffinityNotRouted');
          return;
        }
        const { survey, images, before } = await begin(asking);
        await world.router().prepare(survey);
        for (const percent of [25, 100, 50, 0]) {
          await world.router().split(survey, at(percent));
          await expectShares(world, percent);
          const ofReturning = await world.sharesOfReturning();
          expect(ofReturning).toHaveLength(2);
          for (const { stable, canary } of ofReturning)
            expect([percent, stable > 0, canary > 0]).toEqual([percent, percent === 0, percent > 0]);
          expect(await world.router().drift(survey, at(percent))).toBeNull();
        }
        await world.router().split(survey, at(25));
        await world.router().split(survey, back);
        for (const { canary } of await world.sharesOfReturning()) expect(canary).toBe(0);
        expect(await world.router().restore(survey, images)).toEqual([]);
        expect(await world.state()).toEqual(before);
      },
    );

    promises('keeps what another client changed in between, and divides on', async (world) => {
      const { survey, images } = await begin(world);
      await world.router().prepare(survey);
      await world.edit();
      await world.router().split(survey, at(50));
      await expectShares(world, 50);
      await world.router().restore(survey, images);
      const restored = await world.state();
      await expectShares(world, 0);
      await world.edit();
      expect(await world.state()).toEqual(restored);
      expect(await world.additions()).toEqual([]);
    });

    promises('finishes what a process began that ended after any of its calls', async (world) => {
      const { survey, images, before } = await begin(world);
      const steps: [string, (router: TrafficRouter) => Promise<unknown>][] = [
        ['prepare', (router) => router.prepare(survey)],
        ['split', (router) => router.split(survey, at(50))],
        ['restore', (router) => router.restore(survey, images)],
      ];
      for (const [name, step] of steps) {
        let crashes = 0;
        for (;;) {
          const crashed = await step(world.crashing(crashes + 1)).then(
            () => false,
            () => true,
          );
          if (!crashed) break;
          crashes += 1;
        }
        expect([name, crashes > 0]).toEqual([name, name !== 'prepare' || !world.isPrepared]);
        await step(world.router());
        if (name !== 'restore') await expectShares(world, name === 'split' ? 50 : 0);
      }
      expect(await world.state()).toEqual(before);
      expect(await world.additions()).toEqual([]);
    });
  });
}
