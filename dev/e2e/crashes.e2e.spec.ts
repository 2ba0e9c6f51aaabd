import { jest } from '@jest/globals';
import { DEPLOYMENTS, engineSuite, longHolds, ROUTES, TIMEOUT_MS } from './engine.fixture.js';
import { startLoad, type Stack } from '../src/index.js';

/** Parts of the control plane die while requests flow: no client may notice, and what was begun must end. */

jest.setTimeout(3 * TIMEOUT_MS);

let stack: Stack;
const { apply, until, untilPhase, untilWeight, handleOf, remains, specOf } = engineSuite((running) => {
  ({ stack } = running);
});

/** Requests to the orders through both proxies, none of which a client may lose. */
async function startOrders() {
  const streams = [
    { name: 'ingress', via: 'ingress' as const, host: 'orders.shop.example', rate: 40 },
    { name: 'sidecar', via: 'sidecar' as const, host: 'orders', rate: 40 },
  ];
  const load = await startLoad(stack, { streams });
  return {
    expectNoLoss: async (): Promise<void> => {
      const { total, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(total.requests).toBeGreaterThan(200);
    },
  };
}

describe('a part that is killed in the middle of an undo', () => {
  it.each(['worker', 'watcher', 'istiod', 'kube-apiserver', 'kube-controller-manager', 'temporal'])(
    '%s: the undo ends all the same, no request is lost, and nothing is left',
    async (part) => {
      const paths = [`${DEPLOYMENTS}/orders`, `${ROUTES}/orders`];
      const before = await Promise.all(paths.map(specOf));
      const load = await startOrders();
      const name = `crash-${part}`;
      await apply(name, 'orders', { traffic: longHolds });
      await untilWeight(name, 10);
      await (await handleOf(name)).signal('rollback');
      await untilPhase(name, 'RollingBack');
      await stack.part(part).kill();
      await stack.part(part).start();
      await untilPhase(name, 'RolledBack');
      await load.expectNoLoss();
      expect(await remains()).toEqual([]);
      expect(await Promise.all(paths.map(specOf))).toEqual(before);
    },
  );
});

describe('a migration on whose way every part of the control plane is killed once', () => {
  it(
    'goes on, is undone when its rollout fails, and loses no request',
    async () => {
      const paths = [`${DEPLOYMENTS}/orders`, `${ROUTES}/orders`];
      const before = await Promise.all(paths.map(specOf));
      const load = await startOrders();
      const gates = { metrics: [], readiness: { timeout: '40s' } };
      await apply('stormy', 'orders', { gates, traffic: { mirror: { duration: '0s' }, interval: '4s' } });
      const kills: [number, string][] = [
        ...([
          [10, 'istiod'],
          [25, 'worker'],
          [50, 'kube-apiserver'],
          [75, 'temporal'],
        ] as [number, string][]),
        ...([
          [100, 'kube-controller-manager'],
          [100, 'governance'],
          [100, 'watcher'],
        ] as [number, string][]),
      ];
      for (const [at, part] of kills) {
        await until('stormy', ({ weight = 0 }) => weight >= at, `at ${at} % or more`);
        await stack.part(part).kill();
        await stack.part(part).start();
      }
      await untilPhase('stormy', 'RolledBack');
      await load.expectNoLoss();
      expect(await remains()).toEqual([]);
      expect(await Promise.all(paths.map(specOf))).toEqual(before);
    },
    2 * TIMEOUT_MS,
  );
});
