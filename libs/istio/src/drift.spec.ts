import type { KubeClient, KubeObject } from '@scc/kube';
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
  const kube: Pick<KubeClient, 'get'> = {
    get: (id) => Promise.resolve(objects.find(({ metadata }) => metadata.name === id.name)),
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
