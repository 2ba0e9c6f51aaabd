import type { KubeClient, KubeObject } from '@scc/kube';
import { canaryLabels } from '@scc/plan';
import { Pace } from './added.js';
import { canaryRule } from './destination-rules.js';
import { IstioRouter } from './router.js';

const request = {
  namespace: 'shop',
  services: [{ name: 'web', canary: 'web-scc-canary' }],
  label: { key: 'app', stable: 'web', canary: 'web-scc-canary' },
  markers: {},
  podLabels: { app: 'web' },
};
const apiVersion = 'networking.istio.io/v1';
const name = { namespace: 'shop', name: 'web' };
const routes = { apiVersion, divided: [], own: [], destinationRules: [name], hasStreams: false };
const rule = (spec: object, manager = 'ops'): KubeObject => ({
  apiVersion,
  kind: 'DestinationRule',
  metadata: { ...name, managedFields: [{ manager }] },
  spec: { host: 'web', ...spec },
});
const before = rule({ trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } });
const copied = canaryRule(before, request);
const copy = (spec: object, manager = 'scc'): KubeObject => ({
  ...copied,
  metadata: { ...copied.metadata, managedFields: [{ manager }] },
  spec: { ...(copied['spec'] as object), ...spec },
});

function driftOf(...objects: KubeObject[]) {
  const kube: Pick<KubeClient, 'get' | 'list'> = {
    get: (id) => Promise.resolve(objects.find(({ metadata }) => metadata.name === id.name)),
    list: ({ kind }) => Promise.resolve({ items: objects.filter((one) => one.kind === kind), resourceVersion: '1' }),
  };
  const router = new IstioRouter({
    kube: kube as KubeClient,
    fieldManager: 'scc',
    boundMs: 1,
    signal: () => undefined,
  });
  return router.drift({ request, routes }, { canary: 50, mirror: null });
}

describe('the policy of a host and its copy', () => {
  it('are in order while they say the same', async () => {
    expect(await driftOf(before, copy({}))).toBeNull();
  });

  it.each<[string, KubeObject[], object]>([
    ['was deleted', [copy({})], { object: 'DestinationRule shop/web' }],
    ['has lost its copy', [before], { object: `DestinationRule shop/${copied.metadata.name ?? ''}` }],
    [
      'says something else now',
      [rule({ trafficPolicy: { tls: { mode: 'DISABLE' } } }, 'gitops'), copy({})],
      { object: 'DestinationRule shop/web', fields: ['spec'], manager: 'gitops' },
    ],
    [
      'is for another host now',
      [rule({ host: 'other' }, 'gitops'), copy({})],
      { object: 'DestinationRule shop/web', manager: 'gitops' },
    ],
    [
      'has a copy that another client wrote',
      [before, copy({ trafficPolicy: {} }, 'mallory')],
      { object: `DestinationRule shop/${copied.metadata.name ?? ''}`, manager: 'mallory' },
    ],
  ])('differ when a rule %s', async (_case, objects, expected) => {
    expect(await driftOf(...objects)).toMatchObject(expected);
  });
});

describe('an object of the mesh that was added during a migration', () => {
  const virtualService = (to: string, over: Partial<KubeObject['metadata']> = {}): KubeObject => ({
    apiVersion,
    kind: 'VirtualService',
    metadata: { namespace: 'shop', name: 'late', managedFields: [{ manager: 'ops' }], ...over },
    spec: { hosts: ['late.example'], http: [{ route: [{ destination: { host: to } }] }] },
  });
  const late = (host: string): KubeObject => ({
    ...rule({ host }),
    metadata: { ...name, name: 'late', managedFields: [{ manager: 'ops' }] },
  });

  it.each<[string, KubeObject, object | null]>([
    [
      'sends to the workload',
      virtualService('web'),
      { object: 'VirtualService shop/late', fields: ['spec'], manager: 'ops' },
    ],
    ['sends to others', virtualService('other'), null],
    ['is of a canary', virtualService('web', { labels: canaryLabels('move') }), null],
    ["is a policy of the workload's host", late('web'), { object: 'DestinationRule shop/late', manager: 'ops' }],
    ['is a policy of another host', late('other'), null],
  ])('is found where it %s', async (_case, added, expected) => {
    const found = await driftOf(before, copy({}), added);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject(expected);
  });

  it('is looked for at once, and then from time to time', () => {
    let nowMs = 0;
    const pace = new Pace(() => nowMs);
    expect([pace.isDue(request), pace.isDue(request)]).toEqual([true, false]);
    expect(pace.isDue({ ...request, namespace: 'other' })).toBe(true);
    nowMs = 30_000;
    expect(pace.isDue(request)).toBe(true);
  });
});
