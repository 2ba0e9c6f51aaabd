import { KubeError, type KubeObject } from '@scc/kube';
import { IstioProof } from './proof.js';
import type { ProxyView } from './proxies.js';

const SERVICES = [{ name: 'ledger', canary: 'ledger-scc-canary' }];
const watched = { namespace: 'shop', services: SERVICES, hasStreams: false, unasked: new Set(['legacy']) };
const ROUTES = [
  {
    virtual_hosts: [
      { domains: ['ledger'], routes: [{ route: { cluster: 'outbound|80||ledger.shop.svc.cluster.local' } }] },
    ],
  },
];
const pod = (name: string, namespace: string, container = 'istio-proxy'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { containers: [{ name: 'app' }, { name: container }] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});

/** A mesh whose istiod knows one proxy, in a cluster with these pods. */
function proofIn(pods: readonly KubeObject[], refusal: { error: Error | null } = { error: null }) {
  const none = { sent: '', acked: '' };
  const routes = { sent: '1', acked: '1' };
  const view: ProxyView = {
    proxies: () =>
      Promise.resolve([{ id: 'gateway.edge', istiod: 'x', routes, endpoints: none, clusters: none, listeners: none }]),
    dump: () => Promise.resolve(ROUTES),
  };
  const asked: unknown[] = [];
  const kube = {
    get: ({ namespace, name }: { namespace?: string; name: string }) =>
      Promise.resolve(pods.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace)),
    list: (_kind: unknown, options: unknown) => {
      asked.push(options);
      return refusal.error === null
        ? Promise.resolve({ items: [...pods], resourceVersion: '1' })
        : Promise.reject(refusal.error);
    },
  };
  const proof = new IstioProof({ kube, view, boundMs: 0, signal: () => undefined });
  const nothing = (): Promise<void> => Promise.resolve();
  return { asked, restore: () => proof.follow(watched, null, nothing, nothing) };
}

const forbidden = new KubeError(403, { message: 'pods is forbidden', reason: 'Forbidden' });

describe('the pods whose proxies no istiod knows', () => {
  it('are those that run with a proxy, and are waited for by their names', async () => {
    const { restore, asked } = proofIn([pod('gateway', 'edge'), pod('left', 'shop')]);
    await expect(restore()).rejects.toThrow('left.shop may have had a route to the workload');
    expect(asked).toEqual([{ fieldSelector: 'status.phase=Running' }]);
  });

  it.each<[string, KubeObject]>([
    ['that is connected', pod('gateway', 'edge')],
    ['without a proxy', pod('plain', 'shop', 'other')],
    ['of a namespace that the plan accepts', pod('old', 'legacy')],
    ['that is not ready', { ...pod('starting', 'shop'), status: { phase: 'Running', conditions: [] } }],
  ])('are not one %s', async (_case, one) => {
    await expect(proofIn([one]).restore()).resolves.toEqual({ verifiedBy: 'proxies' });
  });

  it('are not looked for where pods may not be listed', async () => {
    const { restore } = proofIn([pod('left', 'shop')], { error: forbidden });
    await expect(restore()).resolves.toEqual({ verifiedBy: 'proxies' });
  });

  it('are asked for once by all who ask at once, and again after a failure', async () => {
    const refusal: { error: Error | null } = { error: new KubeError(500, { message: 'no', reason: 'InternalError' }) };
    const { restore, asked } = proofIn([pod('gateway', 'edge')], refusal);
    await expect(restore()).rejects.toThrow('no');
    refusal.error = null;
    await Promise.all([restore(), restore(), restore()]);
    expect(asked).toHaveLength(2);
  });
});
