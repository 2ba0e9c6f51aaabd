import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import type { StableSide } from '@scc/plan';
import { WEATHER } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import type { RoutedLately } from '@scc/openshift-route';
import type { Conflict, Verified } from '@scc/routing';
import type { InboundSeen } from '../outside/inbound.js';
import { contextOf } from './context.fixture.js';
import { awaitSilence, type SilenceDeps } from './silence.js';

const target = { ...aWholeTarget(), survey: { request: {}, routes: {} } };
const quiet: InboundSeen = { requests: 0, hasBytes: false, overMs: 10_000, pods: 1, callers: [] };
const called: InboundSeen = { ...quiet, requests: 12, callers: ['batch/report', 'unknown'] };

const owner = (uid: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'x', name: 'x', uid, controller: true }],
});
const object: KubeObject = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
  metadata: { name: 'ledger', namespace: 'shop', uid: 'd' },
  spec: { selector: { matchLabels: { app: 'ledger' } }, template: { spec: { containers: [] } } },
};
const replicaSet: KubeObject = {
  ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', spec: object['spec'] },
  metadata: { name: 'r', namespace: 'shop', uid: 'r', ...owner('d') },
};
const podOf = (name: string): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod', spec: {}, status: { phase: 'Running' } },
  metadata: { name, namespace: 'shop', uid: name, ...owner('r') },
});

interface World {
  /** What the pods' counters show at each look; the last one stays. */
  seen?: (InboundSeen | null)[];
  pods?: string[];
  away?: boolean;
  drift?: Conflict;
  verifiedBy?: Verified['verifiedBy'];
  /** What OpenShift's routers say at each look; the last one stays. */
  routed?: (RoutedLately | null)[];
  drainMs?: number;
  /** How long all proxies have led to the canary. */
  ledForMs?: number;
}

function silence(
  { seen = [], pods = ['ledger-1'], away, drift, verifiedBy = 'proxies', routed = [], drainMs = 20, ledForMs }: World,
  agoMs = 0,
  ofTarget = target,
) {
  const asked: unknown[] = [];
  const splits: unknown[] = [];
  let looks = 0;
  let routedLooks = 0;
  const deps: SilenceDeps = {
    kube: Object.assign(Object.create(null) as KubeClient, {
      list: ({ kind }: { kind: string }) =>
        Promise.resolve({ items: kind === 'ReplicaSet' ? [replicaSet] : pods.map(podOf), resourceVersion: '1' }),
    }),
    router: {
      drift: () => Promise.resolve(drift ?? null),
      split: (_survey, split) => {
        splits.push(split);
        return Promise.resolve({ verifiedBy });
      },
    },
    metrics: {
      inbound: (scope) => {
        asked.push(scope);
        if (away) return Promise.reject(new Error('Prometheus does not answer'));
        return Promise.resolve(seen[Math.min(looks++, seen.length - 1)] ?? null);
      },
      routers: {
        sees: () => Promise.resolve(true),
        recent: () => Promise.resolve(routed[Math.min(routedLooks++, routed.length - 1)] ?? null),
      },
    },
    drainMs,
  };
  const begunMs = Date.now() - agoMs;
  const ended = new AbortController();
  const result = asyncLocalStorage.run(contextOf({ signal: ended.signal }), () =>
    awaitSilence(deps, ofTarget, { object, begunMs, ledForMs }),
  );
  return { result, asked, splits, ended };
}

describe('the silence of the own pods', () => {
  it('rests on their counters, whatever the proxies have', async () => {
    const { result, asked, splits } = silence({ seen: [quiet] });
    await expect(result).resolves.toEqual({
      isSilent: true,
      restsOn: 'counters',
      message: 'no request reached the own pods of ledger for 10 s, by the counters of 1 pod',
    });
    expect(asked).toEqual([{ namespace: 'shop', workload: 'ledger', pods: ['ledger-1'] }]);
    expect(splits).toEqual([]);
  });

  it('is waited for', async () => {
    const { result, asked } = silence({ seen: [called, quiet] });
    await expect(result).resolves.toMatchObject({ isSilent: true });
    expect(asked).toHaveLength(2);
  });

  it('is missing while callers past the mesh still come, which the plan says as what is tried again', async () => {
    const { result } = silence({ seen: [{ ...called, overMs: -5_000 }] });
    await expect(result).rejects.toMatchObject({
      type: WEATHER,
      message: expect.stringMatching(
        /^its own pods are not silent yet: 12 requests reached .*batch\/report/,
      ) as unknown,
      details: [{ tries: 1, remedy: expect.stringContaining('proxy of the mesh') as unknown }],
    });
  });

  it.each<[string, InboundSeen, string]>([
    ['requests', called, '12 requests reached the own pods of ledger in 10 s'],
    ['connections that stand', { ...quiet, hasBytes: true }, 'bytes of standing connections reached the own pods'],
  ])('is not claimed after the bound: %s are named', async (_case, seen, message) => {
    const { result } = silence({ seen: [seen] }, 120_000);
    await expect(result).resolves.toMatchObject({
      isSilent: false,
      restsOn: 'counters',
      message: expect.stringContaining(message) as unknown,
    });
  });

  it.each<[string, World, string]>([
    ['nothing counts', { seen: [null] }, 'no counter of these pods is scraped'],
    [
      'one pod of two counts',
      { seen: [quiet], pods: ['ledger-1', 'ledger-2'] },
      '1 of 2 pods showed a counter, of no request for 10 s',
    ],
    ['Prometheus is away', { away: true }, 'Prometheus does not answer'],
  ])('rests on the routes and a time to drain where %s, and says what was not observed', async (_case, world, why) => {
    for (const verifiedBy of ['proxies', 'bound'] as const) {
      const { result, splits } = silence({ ...world, verifiedBy });
      await expect(result).resolves.toMatchObject({
        isSilent: true,
        restsOn: verifiedBy,
        message: expect.stringContaining(`what passes no route was not observed: ${why}`) as unknown,
      });
      expect(splits).toEqual([{ canary: 100, mirror: null }]);
    }
  });

  it('gives no more time to requests than they had while all proxies led to the canary already', async () => {
    const { result } = silence({ seen: [null], drainMs: 1_000_000, ledForMs: 1_000_000 });
    await expect(result).resolves.toMatchObject({
      isSilent: true,
      message: expect.stringContaining('were given 1000 s') as unknown,
    });
  });

  it('gives them all of it where the routes cannot be seen any more', async () => {
    const { result, ended } = silence({ seen: [null], drainMs: 1_000_000, ledForMs: 1_000_000, verifiedBy: 'bound' });
    let isOver = false;
    const over = result.finally(() => (isOver = true));
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(isOver).toBe(false);
    ended.abort();
    await expect(over).rejects.toThrow('aborted');
  });

  const still: RoutedLately = { requests: 0, standing: 0, overMs: 10_000 };

  it.each<[string, (RoutedLately | null)[], Verified['verifiedBy'], StableSide['restsOn']]>([
    ['their counters', [{ ...still, requests: 4 }, { ...still, standing: 1 }, still], 'bound', 'counters'],
    ['the proxies where these divide as well', [still], 'proxies', 'proxies'],
  ])("rests, where only OpenShift's routers count, on %s", async (_case, routed, verifiedBy, restsOn) => {
    const { result, splits } = silence({ seen: [null], routed, verifiedBy });
    await expect(result).resolves.toEqual({
      isSilent: true,
      restsOn,
      message:
        "OpenShift's routers sent nothing to the own pods of ledger for 10 s, by their counters; what passes no router was not observed: no counter of these pods is scraped",
    });
    expect(splits).toHaveLength(1);
  });

  it.each<[string, RoutedLately, string]>([
    ['requests', { ...still, requests: 4 }, "OpenShift's routers sent 4 requests to the own pods of ledger in 10 s"],
    ['connections that stand', { ...still, standing: 1 }, '1 connection that stood before to the own pods of ledger'],
  ])('is missing while routers send %s, and after the bound not claimed', async (_case, routed, message) => {
    const waiting = silence({ seen: [null], routed: [{ ...routed, overMs: -5_000 }] });
    await expect(waiting.result).rejects.toMatchObject({ type: WEATHER });
    const { result } = silence({ seen: [null], routed: [routed] }, 120_000);
    await expect(result).resolves.toMatchObject({
      isSilent: false,
      restsOn: 'counters',
      message: expect.stringContaining(message) as unknown,
    });
  });

  it('does not rest on routes that another client has changed, and writes nothing over it', async () => {
    const drift = { object: 'VirtualService shop/ledger', fields: ['spec.http'], manager: 'argocd' };
    const { result, splits } = silence({ seen: [null], drift });
    await expect(result).rejects.toMatchObject({ type: 'WorkloadChanged' });
    expect(splits).toEqual([]);
  });

  it('is not asked about where no Service picks the pods', async () => {
    const { result, asked } = silence({}, 0, { ...target, services: [] });
    await expect(result).resolves.toBeUndefined();
    expect(asked).toEqual([]);
  });
});
