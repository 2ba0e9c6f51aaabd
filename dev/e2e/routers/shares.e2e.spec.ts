import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
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
} from '@scc/dev';
import type { PlanStatus } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { scaled } from '@scc/testing/scale';
import { engineSuite, NAMESPACE } from '../engine.fixture.js';

/** A workload of each router whose rollout fails at 100 %: what clients see on the way there, against what its status says. */

/** Requests a second, and how many of them are counted at each weight. */
const RATE = 300;
const COUNTED = 20_000;
const WEIGHTS = [10, 100];
/** Longer than the requests take on a machine that is late with some. */
const HOLD_S = Math.ceil((COUNTED / RATE) * 1.3);
const TEST_MS = (WEIGHTS.length * HOLD_S + 400) * 1000;
const TARGET = 'restricted-v2';

/** The way that requests of the test take; others may be there beside it. */
const OWN_WAY: Readonly<Record<Routed['router'], string>> = {
  istio: 'VirtualService',
  'gateway-api': 'HTTPRoute',
  route: 'Route',
  replicas: 'Service',
};

/** @throws Error where the status has no such way */
function shareIn({ traffic = [] }: PlanStatus, { name, router }: Routed): number {
  const own = traffic.find((way) => way.kind === OWN_WAY[router] && way.name === name);
  if (own === undefined) throw new Error(`the status has no way by ${router}: ${JSON.stringify(traffic)}`);
  return own.share;
}

/** How far what is seen may be from the share: a point, or four deviations of so many draws. */
const tolerance = (share: number, requests: number): number =>
  Math.max(1, 4 * Math.sqrt((share * (100 - share)) / requests));

// `npm run verify` alone: it takes minutes for each router.
const described = scaled(1) > 1 ? describe : describe.skip;
described(`a workload under ${RATE} requests a second`, () => {
  let stack: Stack;
  let openShift: Awaited<ReturnType<typeof startRouter>> = null;
  let load: Awaited<ReturnType<typeof startLoad>> | undefined;
  const { apply, read, until, untilPhase, untilWeight, remains, specOf } = engineSuite(
    (running) => {
      ({ stack } = running);
    },
    { served: [NAMESPACE] },
  );
  beforeAll(async () => {
    await stack.apply(path.join(ROOT, 'dev', 'samples', 'gateway-api', 'gateway.yaml'));
    openShift = await startRouter(stack);
  }, 120_000);
  afterEach(() => load?.stop());
  afterAll(() => openShift?.stop());

  it.each(
    routersHere().map((router, index): Routed => {
      const name = `shares-${router}`;
      return { name, router, address: `10.96.91.${index + 1}`, behaviour: 'needs-root-unless-canary' };
    }),
  )(
    'by $router: its clients see the share of the status at each weight, and lose nothing when its rollout fails at 100 %',
    async (workload) => {
      const { name, router } = workload;
      await deployRouted(stack, workload);
      const before = await Promise.all(pathsOf(workload).map(specOf));
      let sent = 0;
      const running = await startLoad(stack, { streams: [streamTo(workload, RATE)] }, ({ totalRequests }) => {
        sent = totalRequests;
      });
      load = running;
      await apply(name, name, {
        targetSCC: TARGET,
        traffic: { mirror: { duration: '0s' }, weights: WEIGHTS, interval: `${HOLD_S}s` },
        gates: { metrics: [], readiness: { timeout: '30s' } },
      });
      const said = new Map<number, number>();
      for (const weight of WEIGHTS) {
        said.set(weight, shareIn(await untilWeight(name, weight), workload));
        await running.beginWindow(String(weight));
        const from = sent;
        // What is counted when the window begins may have been answered before.
        const counted = (): boolean => sent - from >= COUNTED + RATE;
        await waitFor(counted, { timeoutMs: 2 * HOLD_S * 1000, what: `${COUNTED} requests at ${weight} %` });
        await running.beginWindow('between');
        expect((await read(name)).status).toMatchObject({ phase: 'TrafficShifting', weight });
      }
      await until(name, ({ phase }) => phase !== 'TrafficShifting', 'past its last weight');
      await untilPhase(name, 'RolledBack');
      const { windows, failures, total } = await running.stop();
      load = undefined;
      const seen = WEIGHTS.map((weight) => {
        const { byScc = {}, requests = 0, failed = 0 } = windows.find(({ label }) => label === String(weight)) ?? {};
        const share = said.get(weight) ?? Number.NaN;
        return { weight, share, clients: (100 * (byScc[TARGET] ?? 0)) / (requests - failed), requests };
      });
      const told = seen.map(({ weight, share, clients, requests }) => {
        return `${weight} %: ${share} said, ${clients.toFixed(2)} seen of ${requests}`;
      });
      process.stdout.write(`${router}: ${total.requests} requests, ${total.failed} failed; ${told.join('; ')}\n`);
      expect(failures).toEqual([]);
      expect(seen.filter(({ requests }) => requests < COUNTED)).toEqual([]);
      const isOff = ({ share, clients, requests }: (typeof seen)[number]): boolean =>
        !(Math.abs(clients - share) <= tolerance(share, requests));
      expect(seen.filter(isOff)).toEqual([]);
      expect(await remains()).toEqual([]);
      expect(await Promise.all(pathsOf(workload).map(specOf))).toEqual(before);
      await removeRouted(stack, workload);
    },
    TEST_MS,
  );
});
