import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '@scc/kube';
import { canaryLabels, LENT_FROM_ANNOTATION } from '@scc/plan';
import { CompositeRouter, type SurveyRequest, type TrafficRouter } from '@scc/routing';
import { trafficRouterContract, type RouterWorld } from '@scc/testing/routing';
import { FakeCluster } from './cluster.fixture.js';
import { ReplicasRouter } from './router.js';

const NAMESPACE = 'shop';
const SERVICE = { apiVersion: 'v1', kind: 'Service', namespace: NAMESPACE, name: 'ledger' };
const markers = canaryLabels('ledger');

const service = (name: string, labels: Record<string, string> = {}, app = name): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE, labels, annotations: { note: 'mine' } },
  spec: { selector: { app }, ports: [{ name: 'http', port: 80 }] },
});
const request: SurveyRequest = {
  namespace: NAMESPACE,
  services: [{ name: 'ledger', canary: 'ledger-canary' }],
  label: { key: 'app', stable: 'ledger', canary: 'ledger-canary' },
  markers,
};

/** A Service of so many pods, and the canary's. */
function aCluster(stable = 3, canary = 3): FakeCluster {
  const cluster = new FakeCluster();
  for (const [app, count, net] of [
    ['ledger', stable, 1],
    ['ledger-canary', canary, 2],
  ] as const)
    for (let index = 1; index <= count; index++)
      cluster.pods.push({ address: `10.0.${net}.${index}`, labels: { app }, isReady: true });
  cluster.add(service('ledger'));
  cluster.add(service('ledger-canary', markers));
  return cluster;
}

const routerOn = (cluster: FakeCluster, called?: () => void): ReplicasRouter =>
  new ReplicasRouter({ kube: cluster.client(called), fieldManager: 'test', boundMs: 0, signal: () => undefined });

/** As a worker has it: the last of several, where no mesh serves the workload. */
function lastOf(router: TrafficRouter): TrafficRouter {
  const violation = { code: 'NotServedByMesh', field: 'f', message: 'm', remedy: 'r' };
  const unused = () => Promise.reject(new Error('divides nothing'));
  const mesh: TrafficRouter = {
    survey: (asked) =>
      Promise.resolve({ survey: { request: asked, routes: null }, ways: [], violations: [violation], warnings: [] }),
    ...{ preImages: unused, prepare: unused, split: unused, drift: unused, restore: unused },
  };
  return new CompositeRouter([{ name: 'mesh', router: mesh }], 'mesh', { name: 'replicas', router });
}

/** The addresses of pods that a node would send to. */
function served(cluster: FakeCluster, name = 'ledger'): string[] {
  const slices = [...cluster.objects.values()].filter(
    ({ kind, metadata }) => kind === 'EndpointSlice' && metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  const addresses = slices.flatMap((slice) =>
    (slice['endpoints'] as { addresses: string[]; conditions: { ready: boolean } }[])
      .filter(({ conditions }) => conditions.ready)
      .flatMap((endpoint) => endpoint.addresses),
  );
  return [...new Set(addresses)].toSorted();
}

/** Three pods beside three: the shares that there are. */
const NEAREST: Record<number, number> = { 0: 0, 10: 25, 25: 25, 33: 40, 50: 50, 100: 100 };

/** Two Services of one workload. */
function aWorld(wired: (router: TrafficRouter) => TrafficRouter = (router) => router): RouterWorld {
  const cluster = aCluster();
  cluster.add(service('audit', {}, 'ledger'));
  cluster.add(service('audit-canary', markers, 'ledger-canary'));
  const stateOf = (name: string) => {
    const { metadata, spec } = cluster.objects.get(`Service/shop/${name}`) ?? service('gone');
    return structuredClone({ spec, labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} });
  };
  const sharesOf = (name: string) => {
    const all = served(cluster, name);
    const canary = all.filter((address) => address.startsWith('10.0.2.')).length / all.length;
    return { stable: 1 - canary, canary, foreign: 0 };
  };
  return {
    request: { ...request, services: [...request.services, { name: 'audit', canary: 'audit-canary' }] },
    isPrepared: true,
    verifiedBy: 'bound',
    nearest: (percent) => NEAREST[percent] ?? NaN,
    router: () => wired(routerOn(cluster)),
    crashing: (at) => {
      let writes = 0;
      return wired(
        routerOn(cluster, () => {
          writes += 1;
          if (writes === at) throw new Error('the process ended');
        }),
      );
    },
    state: () => Promise.resolve({ ledger: stateOf('ledger'), audit: stateOf('audit') }),
    shares: () => Promise.resolve({ alone: sharesOf('ledger'), second: sharesOf('audit') }),
    edit: async () => {
      await cluster.client().patch(SERVICE, { type: 'merge', body: { metadata: { annotations: { note: 'yours' } } } });
    },
    tamper: () => {
      for (const [key, { metadata }] of [...cluster.objects])
        if (LENT_FROM_ANNOTATION in (metadata.annotations ?? {})) cluster.objects.delete(key);
      return Promise.resolve();
    },
    additions: () =>
      Promise.resolve(
        [...cluster.objects]
          .filter(([, { metadata }]) => LENT_FROM_ANNOTATION in (metadata.annotations ?? {}))
          .map(([key]) => key),
      ),
  };
}

trafficRouterContract(() => Promise.resolve(aWorld()));

describe('the last of several routers', () => {
  trafficRouterContract(() => Promise.resolve(aWorld(lastOf)));
});

describe('a Service that its pods divide', () => {
  it('keeps as many endpoints as before at every write of a change of its selector', async () => {
    const cluster = aCluster();
    const seen: number[] = [];
    const router = routerOn(cluster, () => seen.push(served(cluster).length));
    const { survey } = await router.survey(request);
    for (const canary of [50, 100, 50, 0]) await router.split(survey, { canary, mirror: null });
    expect(Math.min(...seen)).toBe(3);
    expect(served(cluster)).toEqual(['10.0.1.1', '10.0.1.2', '10.0.1.3']);
  });

  it('says the real share, and counts only pods of the workload that are ready', async () => {
    const cluster = aCluster(4, 4);
    const router = routerOn(cluster);
    const { survey } = await router.survey(request);
    const shareAt = async (canary: number) => (await router.split(survey, { canary, mirror: null })).shares;
    expect(await shareAt(25)).toEqual([{ kind: 'Service', name: 'ledger', share: 20 }]);
    const [first] = cluster.pods;
    if (first) first.isReady = false;
    cluster.follow();
    expect(await shareAt(25)).toEqual([{ kind: 'Service', name: 'ledger', share: 25 }]);
    expect(await shareAt(100)).toEqual([{ kind: 'Service', name: 'ledger', share: 100 }]);
  });

  it('changes no label of a pod, so that autoscalers and disruption budgets of the workload count none of the canary', async () => {
    const cluster = aCluster();
    const router = routerOn(cluster);
    const { survey } = await router.survey(request);
    for (const canary of [25, 50, 100]) {
      await router.split(survey, { canary, mirror: null });
      expect(cluster.pods.filter(({ labels }) => labels['app'] === 'ledger')).toHaveLength(3);
      expect(served(cluster).filter((address) => address.startsWith('10.0.2.')).length).toBeGreaterThan(0);
    }
  });

  it('is left as another client pointed it elsewhere meanwhile, and says so', async () => {
    const cluster = aCluster();
    const router = routerOn(cluster);
    const { survey } = await router.survey(request);
    const images = await router.preImages(survey);
    await router.split(survey, { canary: 25, mirror: null });
    const body = { spec: { selector: { app: 'ledger', tier: 'new' } } };
    await cluster.client().patch(SERVICE, { type: 'merge', body });
    cluster.pods.push({ address: '10.0.1.9', labels: { app: 'ledger', tier: 'new' }, isReady: true });
    cluster.follow();
    await expect(router.restore(survey, images)).resolves.toMatchObject([
      { object: 'Service shop/ledger', fields: ['spec.selector'] },
    ]);
    expect(served(cluster)).toEqual(['10.0.1.9']);
  });
});
