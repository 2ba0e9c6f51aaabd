import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  deployRouted,
  pathsOf,
  removeRouted,
  ROOT,
  type Routed,
  routersHere,
  startLoad,
  startRouter,
  type Stack,
  streamTo,
} from '../../src/index.js';
import { type Engine, longHolds, PLANS } from '../engine.fixture.js';

/** Requests a second to the workload. */
const RATE = 100;
const AT = 25;
const SUITE_MS = 240_000;

/** A workload behind each router by itself: what is done to its migration, and how that ends. No request may fail. */
export function eachRouter(engine: Engine, stackOf: () => Stack): void {
  const { apply, untilPhase, untilWeight, handleOf, remains, specOf } = engine;
  const go = async (plan: string): Promise<void> => {
    await stackOf().api.merge(`${PLANS}/${plan}`, { spec: { traffic: { interval: '0s' } } });
  };
  const CELLS = [
    {
      title: 'is undone at 25 %',
      prefix: 'undo',
      end: 'RolledBack',
      act: async (plan: string) => (await handleOf(plan)).signal('rollback'),
    },
    { title: 'completes', prefix: 'whole', end: 'Completed', act: go },
    {
      title: 'completes although the worker is killed at 25 %',
      prefix: 'killed',
      end: 'Completed',
      act: async (plan: string) => {
        await stackOf().part('worker').kill();
        await go(plan);
        await stackOf().part('worker').start();
      },
    },
  ] as const;

  let openShift: Awaited<ReturnType<typeof startRouter>> = null;
  beforeAll(async () => {
    await stackOf().apply(path.join(ROOT, 'dev', 'samples', 'gateway-api', 'gateway.yaml'));
    openShift = await startRouter(stackOf());
  }, SUITE_MS);
  afterAll(() => openShift?.stop());

  describe.each(routersHere().map((router, index) => ({ router, index })))('$router', ({ router, index }) => {
    it.each(CELLS.map((cell, at) => ({ ...cell, address: `10.96.90.${10 * index + at + 1}` })))(
      '$title',
      async ({ prefix, end, act, address }) => {
        const stack = stackOf();
        const name = `${prefix}-${router}`;
        const workload: Routed = { name, router, address };
        await deployRouted(stack, workload);
        const specs = () => Promise.all(pathsOf(workload).map(specOf));
        const [deployment, ...others] = await specs();
        const load = await startLoad(stack, { streams: [streamTo(workload, RATE)] });
        await apply(name, name, { traffic: { ...longHolds, weights: [AT, 100] } });
        await untilWeight(name, AT);
        await act(name);
        await untilPhase(name, end);
        const { failures, total } = await load.stop();
        expect(failures).toEqual([]);
        expect(total.requests).toBeGreaterThan(2 * RATE);
        expect(await remains()).toEqual([]);
        const [now, ...same] = await specs();
        expect(same).toEqual(others);
        if (end === 'RolledBack') expect(now).toEqual(deployment);
        await removeRouted(stack, workload);
      },
      SUITE_MS,
    );
  });
}
