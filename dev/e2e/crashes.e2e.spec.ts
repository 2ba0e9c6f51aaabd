import { readFile } from 'node:fs/promises';
import { jest } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { DEPLOYMENTS, engineSuite, longHolds, ROUTES, TIMEOUT_MS } from './engine.fixture.js';
import { crashMatrix } from './crashes/matrix.fixture.js';
import { crashesOfStrategies } from './crashes/strategies.fixture.js';
import { ends } from './crashes/ends.fixture.js';
import { BEHIND_WEATHER, startBehindWeather, type BadWeather } from './crashes/weather.fixture.js';
import { startLoad, type Stack } from '../src/index.js';
import { aPod, createNamespace, createPod, enforcedNamespace, failedOpen, refusalOf } from '../src/webhook.fixture.js';

/** Parts of the control plane die while requests flow: no client may notice, and what was begun must end. */

jest.setTimeout(3 * TIMEOUT_MS);

let stack: Stack;
let temporal: Client;
let weather: BadWeather;
const engine = engineSuite(
  (running) => {
    ({ stack, temporal } = running);
  },
  BEHIND_WEATHER,
  async (started) => {
    weather = await startBehindWeather(started);
  },
);
const { apply, until, untilPhase, untilWeight, handleOf, remains, specOf } = engine;

/** Ends what a test that failed left running. */
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

/** Requests to the orders through both proxies, none of which a client may lose. */
async function startOrders() {
  const streams = [
    { name: 'ingress', via: 'ingress' as const, host: 'orders.shop.example', rate: 40 },
    { name: 'sidecar', via: 'sidecar' as const, host: 'orders', rate: 40 },
  ];
  const load = await startLoad(stack, { streams });
  let stopped: ReturnType<typeof load.stop> | undefined;
  const stop = () => (stopped ??= load.stop());
  stops.push(stop);
  return {
    expectNoLoss: async (): Promise<void> => {
      const { total, failures } = await stop();
      expect(failures).toEqual([]);
      expect(total.requests).toBeGreaterThan(200);
    },
  };
}

describe('a part that is killed in the middle of an undo', () => {
  // `npm run verify` kills every process while migrations are undone (crashes/cells.ts).
  it.each(['worker', 'kube-apiserver'])(
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

crashMatrix(() => ({ stack, weather, engine }));
crashesOfStrategies(() => ({ stack, engine }));
ends(() => ({ stack, engine, temporal }));

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

const podsSchema = z.array(
  z.looseObject({
    status: z.looseObject({
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })),
      containerStatuses: z.array(z.looseObject({ restartCount: z.int() })),
    }),
  }),
);
const podsOf = async (part: string) =>
  podsSchema.parse(
    (
      await stack.api.list(
        `/api/v1/namespaces/scc-system/pods?labelSelector=${encodeURIComponent(`app.kubernetes.io/name=scc-${part}`)}`,
      )
    ).items,
  );

describe('a process whose dependency is away when it starts', () => {
  it.each([
    ['worker', 'temporal', 'the worker waits for Temporal'],
    ['watcher', 'temporal', 'the watcher waits for Temporal'],
    ['governance', 'postgres', 'database not ready, trying again'],
  ])('%s without %s: waits, says so, and does not end', async (part, dependency, sentence) => {
    await stack.part(part).kill();
    await stack.part(dependency).kill();
    const { length } = await readFile(stack.part(part).logFile, 'utf8');
    const started = stack.part(part).start();
    await waitFor(async () => (await readFile(stack.part(part).logFile, 'utf8')).slice(length).includes(sentence), {
      timeoutMs: 60_000,
      what: `${part} to say what it waits for`,
    });
    const restarts = async (): Promise<number[]> =>
      (await podsOf(part)).flatMap(({ status }) => status.containerStatuses.map(({ restartCount }) => restartCount));
    const before = await restarts();
    const restarted = (): Promise<true> =>
      stack
        .part(dependency)
        .start()
        .then(() => true);
    // Killed, the last children of PostgreSQL still hold the shared memory for a moment.
    await waitFor(restarted, { timeoutMs: 60_000, everyMs: 500, what: `${dependency} to start again` });
    await started;
    await waitFor(
      async () =>
        (await podsOf(part)).every(({ status }) =>
          status.conditions.some(({ type, status: holds }) => type === 'Ready' && holds === 'True'),
        ),
      { timeoutMs: 60_000, what: `${part} to be ready` },
    );
    expect(await restarts()).toEqual(before);
  });
});

/** Asks for reviews of pods one after the other, as dry runs, until it is stopped. */
function startReviews(namespace: string) {
  const stopping = new AbortController();
  const seen = { asked: 0, refusals: [] as string[] };
  const asking = (async () => {
    for (; !stopping.signal.aborted; seen.asked += 1) {
      const refusal = await refusalOf(createPod(stack, aPod(namespace, `review-${seen.asked}`), '?dryRun=All'));
      if (refusal !== undefined) seen.refusals.push(refusal);
    }
  })();
  const stop = async () => {
    stopping.abort();
    await asking;
    return seen;
  };
  stops.push(stop);
  return { stop };
}

describe('a rolling update of every process', () => {
  it(
    'loses no request and no review while a migration runs',
    async () => {
      const kubectl = (...args: string[]): Promise<string> =>
        stack.exec(stack.binary('kubectl'), ['--kubeconfig', stack.kubeconfig.inside, '-n', 'scc-system', ...args]);
      const isDone = (part: string): Promise<string> =>
        kubectl('rollout', 'status', `deployment/${part}`, '--timeout=120s');
      await createNamespace(stack, enforcedNamespace('reviews'));
      // As many as the chart asks for.
      await kubectl('scale', 'deployment/governance', '--replicas=2');
      await isDone('governance');
      const openBefore = failedOpen(stack).length;
      const load = await startOrders();
      const reviews = startReviews('reviews');
      await apply('rolled', 'payments', { traffic: { mirror: { duration: '0s' }, interval: '5s' } });
      await untilWeight('rolled', 10);
      for (const part of ['governance', 'worker', 'watcher']) {
        await kubectl('rollout', 'restart', `deployment/${part}`);
        await isDone(part);
      }
      await untilPhase('rolled', 'Completed');
      const { asked, refusals } = await reviews.stop();
      await load.expectNoLoss();
      expect(refusals).toEqual([]);
      expect(asked).toBeGreaterThan(50);
      expect(failedOpen(stack).slice(openBefore)).toEqual([]);
      expect(await remains()).toEqual([]);
    },
    3 * TIMEOUT_MS,
  );
});
