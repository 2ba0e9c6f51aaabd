import { describe, expect, it } from '@jest/globals';
import type { KubeClient, KubeObject } from '@scc/kube';
import { ClientsStay } from '@scc/routing';
import { OpenShiftRouter, type RouterCounters } from './router.js';

const request = {
  namespace: 'shop',
  services: [{ name: 'ledger', canary: 'ledger-canary' }],
  label: { key: 'app', stable: 'ledger', canary: 'ledger-canary' },
  markers: {},
};
const to = { kind: 'Service', name: 'ledger', weight: 100 };

interface Written {
  spec: Record<string, unknown>;
}

/** One Route, its Services with two pods each, and the controller of its routers. */
function aCluster({ annotations = {}, reloadInterval }: { annotations?: object; reloadInterval?: string } = {}) {
  const objects: Record<string, object> = {
    Route: {
      metadata: { name: 'ledger', namespace: 'shop', annotations, resourceVersion: '1' },
      spec: { to },
      status: { ingress: [{ routerName: 'default', conditions: [{ type: 'Admitted', status: 'True' }] }] },
    },
    Service: { metadata: {} },
    ...(reloadInterval ? { IngressController: { metadata: {}, spec: { tuningOptions: { reloadInterval } } } } : {}),
  };
  const patches: Written['spec'][] = [];
  const slice = { metadata: {}, endpoints: [{ addresses: ['10.0.0.1', '10.0.0.2'] }] };
  const kube = {
    get: ({ kind }: { kind: string }) => Promise.resolve(structuredClone(objects[kind]) as KubeObject | undefined),
    list: ({ kind }: { kind: string }) =>
      Promise.resolve({
        items: [kind === 'Route' ? structuredClone(objects['Route']) : slice] as KubeObject[],
        resourceVersion: '1',
      }),
    patch: (_id: object, { body }: { body: unknown }) => {
      const { spec } = body as Written;
      patches.push(spec);
      const route = objects['Route'] as Written;
      objects['Route'] = { ...route, spec: { ...route.spec, ...spec } };
      return Promise.resolve(objects['Route'] as KubeObject);
    },
  } as Partial<KubeClient> as KubeClient;
  return { kube, patches };
}

const routerOn = (kube: KubeClient, counters?: RouterCounters, reloadMs = 0): OpenShiftRouter =>
  new OpenShiftRouter({ kube, fieldManager: 'test', reloadMs, counters, signal: () => undefined });
const counting = (recent: number | null): RouterCounters => ({
  sees: () => Promise.resolve(true),
  recent: () => Promise.resolve(recent === null ? null : { requests: recent, standing: 0, overMs: 60_000 }),
});
const WITHOUT_COOKIES = { annotations: { 'haproxy.router.openshift.io/disable_cookies': 'true' } };

describe('the router of OpenShift', () => {
  it('writes all weights at once and says which share they come to', async () => {
    const { kube, patches } = aCluster(WITHOUT_COOKIES);
    const router = routerOn(kube);
    const { survey, ways } = await router.survey(request);
    expect(ways).toEqual([{ kind: 'Route', name: 'ledger', dividedBy: 'OpenShiftRouter' }]);
    await expect(router.split(survey, { canary: 10, mirror: null })).resolves.toEqual({
      verifiedBy: 'bound',
      shares: [{ kind: 'Route', name: 'ledger', share: 9.86 }],
    });
    expect(patches).toEqual([
      {
        to: { ...to, weight: 90 },
        alternateBackends: [{ kind: 'Service', name: 'ledger-canary', weight: 10 }],
      },
    ]);
  });

  it('lets the workload be rolled out once no client with a cookie asks its pods any more', async () => {
    const { kube } = aCluster();
    const { survey } = await routerOn(kube, counting(7)).survey(request);
    const all = { canary: 100, mirror: null };
    await expect(routerOn(kube, counting(7)).split(survey, all)).rejects.toThrow(ClientsStay);
    await expect(routerOn(kube, counting(7)).split(survey, all)).rejects.toThrow(
      /Route ledger that hold its cookie are waited for: 7 requests .* to ledger; .*disable_cookies/,
    );
    await expect(routerOn(kube, counting(null)).split(survey, all)).rejects.toThrow('nothing counts');
    await expect(routerOn(kube, counting(0)).split(survey, all)).resolves.toMatchObject({
      shares: [{ share: 100 }],
    });
    // On the way there, and back, nobody is waited for.
    for (const canary of [50, 0])
      await expect(routerOn(kube, counting(7)).split(survey, { canary, mirror: null })).resolves.toMatchObject({
        shares: [{ share: canary }],
      });
  });

  it('refuses a Route with cookies where nothing counts its requests', async () => {
    const { kube } = aCluster();
    for (const counters of [undefined, { ...counting(0), sees: () => Promise.resolve(false) }])
      await expect(routerOn(kube, counters).survey(request)).resolves.toMatchObject({
        ways: [],
        undivided: [{ kind: 'Route', name: 'ledger' }],
      });
  });

  it.each([
    ['as its controller says', '50ms', 60_000, 100],
    ['as usual, where it does not say', undefined, 30, 60],
  ])('waits for two reloads of the shard: %s', async (_case, reloadInterval, usualMs, atLeastMs) => {
    const { kube } = aCluster({ ...WITHOUT_COOKIES, ...(reloadInterval ? { reloadInterval } : {}) });
    const router = routerOn(kube, undefined, usualMs);
    const { survey } = await router.survey(request);
    const begun = performance.now();
    await router.split(survey, { canary: 50, mirror: null });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(atLeastMs - 1);
  });
});
