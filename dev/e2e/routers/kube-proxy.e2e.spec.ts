import { kubeProxyLacks, startKubeProxy, startLoad, startStack, type Stack } from '@scc/dev';
import { addressesOf, connectKube, type KubeClient } from '@scc/kube';
import { waitFor } from '@scc/runtime';
import { scaled } from '@scc/testing/scale';
import { z } from 'zod';
import { startClients } from './clients.fixture.js';
import { MANAGER, ONLY_THE_MESH, readerOf } from './mesh.fixture.js';
import { replicasWorld } from './replicas.fixture.js';

/** The kernel itself divides a plain Service among pods, as kube-proxy of a real node tells it. */

/** New connections a second, one for each request, and how many of them are counted at a share. */
const RATE = 150;
const COUNTED = 10_000;
/** Clients that keep their connections: from before the canary has a share, and as many again while it has one. */
const CLIENTS = 20;
const TEST_MS = 600_000;
const lack = kubeProxyLacks();

let stack: Stack;
let kube: KubeClient;

const serviceSchema = z.looseObject({ spec: z.looseObject({ clusterIP: z.string() }) });
const isCanary = (pod: string): boolean => pod.startsWith('ledger-canary-');

/** The addresses among which the kernel divides new connections to the Service `ledger`. */
async function dividedAmong(namespace: string): Promise<Set<string>> {
  const rules = await stack.exec('nft', ['list', 'table', 'ip', 'kube-proxy']);
  const chain = rules
    .split('\n\n')
    .find((one) => new RegExp(`chain service-\\S+-${namespace}/ledger/tcp/http `).test(one));
  return new Set([...(chain ?? '').matchAll(/\b10\.244\.\d+\.\d+\b/g)].map(([address]) => address));
}

async function untilKernelFollows(namespace: string): Promise<void> {
  const follows = async (): Promise<boolean> => {
    const [now, wanted] = await Promise.all([dividedAmong(namespace), addressesOf(kube, namespace, 'ledger')]);
    return now.size > 0 && now.size === wanted.ready.size && [...now].every((address) => wanted.ready.has(address));
  };
  await waitFor(follows, { timeoutMs: 60_000, everyMs: 100, what: 'the kernel to divide among the ready endpoints' });
}

// `npm run verify` alone: no other test needs the program, which takes minutes to build.
const described = scaled(1) > 1 ? describe : describe.skip;
described(`a Service that the kernel divides${lack === null ? '' : `: ${lack}`}`, () => {
  let proxy: Awaited<ReturnType<typeof startKubeProxy>> | undefined;
  beforeAll(async () => {
    if (lack !== null) return;
    stack = await startStack({ parts: { ...ONLY_THE_MESH, mesh: false } });
    kube = await connectKube({ kubeconfig: stack.kubeconfig.outside, userAgent: MANAGER });
    proxy = await startKubeProxy(stack);
  }, TEST_MS);
  afterAll(async () => {
    await proxy?.stop();
    if (lack !== null) return;
    kube.close();
    await stack.stop();
  }, 60_000);

  it(
    'gives new connections by the share, leaves long-lived ones on their pods there and back, and fails none',
    async () => {
      if (lack !== null) return;
      const world = await replicasWorld({ stack, kube, read: readerOf(kube) });
      const { namespace } = world.request;
      const service = await readerOf(kube)({ apiVersion: 'v1', kind: 'Service', namespace, name: 'ledger' });
      const { clusterIP: address } = serviceSchema.parse(service).spec;
      const before = await world.state();
      await untilKernelFollows(namespace);
      const clients = await startClients(stack, address, CLIENTS);
      let sent = 0;
      const streams = [{ name: 'ledger', via: 'service' as const, host: 'ledger', rate: RATE, address }];
      const load = await startLoad(stack, { streams }, ({ totalRequests }) => {
        sent = totalRequests;
      });
      const window = async (label: string, count: number): Promise<void> => {
        await untilKernelFollows(namespace);
        await load.beginWindow(label);
        const from = sent;
        await waitFor(() => sent - from >= count, { timeoutMs: TEST_MS / 4, what: `${count} connections` });
        await load.beginWindow('between');
      };

      const router = world.router();
      const { survey, violations } = await router.survey(world.request);
      expect(violations).toEqual([]);
      const images = await router.preImages(survey);
      await router.prepare(survey);
      await window('none', RATE);
      await router.split(survey, { canary: 25, mirror: null });
      const share = (await world.shares()).alone.canary;
      await window('some', COUNTED);
      await clients.add(CLIENTS);
      // The kernel keeps for each connection to whom it led it: no relay stands in between.
      expect(await stack.exec('conntrack', ['-L', '-d', address])).toMatch(/ESTABLISHED src=.* src=10\.244\./);
      await router.split(survey, { canary: 100, mirror: null });
      await window('all', RATE);
      await router.split(survey, { canary: 0, mirror: null, isUndo: true });
      expect(await router.restore(survey, images)).toEqual([]);
      await window('undone', RATE);

      const { connections, failures } = await clients.stop();
      const { windows, failures: lost, total } = await load.stop();
      const seen = (label: string): number => {
        const { byPod = {}, requests = 0 } = windows.find((one) => one.label === label) ?? {};
        const there = Object.entries(byPod).reduce((sum, [pod, count]) => sum + (isCanary(pod) ? count : 0), 0);
        return there / requests;
      };
      const met = (of: (pod: string) => boolean): number => connections.filter(({ pods }) => pods.every(of)).length;
      process.stdout.write(
        `kube-proxy: ${total.requests} new connections, ${lost.length} failed; ${seen('some').toFixed(4)} of ${COUNTED} to ` +
          `the canary at ${share.toFixed(4)}; ${connections.length} kept, ${met(isCanary)} to the canary, ` +
          `${failures.length} failed\n`,
      );
      expect([lost, failures]).toEqual([[], []]);
      expect([seen('none'), seen('all'), seen('undone')]).toEqual([0, 1, 0]);
      expect(Math.abs(seen('some') - share)).toBeLessThanOrEqual(
        Math.max(0.01, 4 * Math.sqrt((share * (1 - share)) / COUNTED)),
      );
      // No connection was closed, and each was answered by one pod, however the Service was divided meanwhile.
      expect(connections).toHaveLength(2 * CLIENTS);
      expect(connections.filter(({ pods, closed }) => pods.length !== 1 || closed)).toEqual([]);
      expect(connections.filter(({ client, pods }) => client < CLIENTS && pods.some(isCanary))).toEqual([]);
      expect(met(isCanary)).toBeGreaterThan(0);
      expect(await world.state()).toEqual(before);
    },
    TEST_MS,
  );
});
