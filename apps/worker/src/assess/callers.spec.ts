import type { KubeObject } from '@scc/kube';
import { ambientWarnings, bareCallers, bareWarnings, bareWays, unseenCallers, unseenWays } from './callers.js';

interface Over {
  namespace?: string;
  containers?: string[];
  initContainers?: string[];
  isReady?: boolean;
  isAmbient?: boolean;
  isLeaving?: boolean;
  labels?: Record<string, string>;
}
const pod = (name: string, over: Over = {}): KubeObject => {
  const {
    namespace = 'team',
    containers = ['app'],
    initContainers = [],
    isReady = true,
    isAmbient,
    isLeaving,
    labels,
  } = over;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name, namespace, ...(labels ? { labels } : {}) },
      ...(isAmbient ? { annotations: { 'ambient.istio.io/redirection': 'enabled' } } : {}),
      ...(isLeaving ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      containers: containers.map((one) => ({ name: one })),
      initContainers: initContainers.map((one) => ({ name: one })),
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
  };
};
const PROXY = ['app', 'istio-proxy'];
const connected = new Set(['seen.team']);

describe('unseenCallers', () => {
  it.each<[string, KubeObject, boolean]>([
    ['a pod whose proxy is connected elsewhere', pod('a', { containers: PROXY }), true],
    ['one whose proxy is a sidecar of Kubernetes', pod('a', { initContainers: ['istio-proxy'] }), true],
    ['one of the same name in another namespace', pod('seen', { namespace: 'x', containers: PROXY }), true],
    ['not one whose proxy is known', pod('seen', { containers: PROXY }), false],
    ['not one without a proxy', pod('a'), false],
    ['not one that starts', pod('a', { containers: PROXY, isReady: false }), false],
    ['not one that ends', pod('a', { containers: PROXY, isLeaving: true }), false],
  ])('names %s', (_case, one, isUnseen) => {
    expect(unseenCallers([one], connected)).toEqual(isUnseen ? [one] : []);
  });

  it('are ways by their namespaces, which a plan may accept', () => {
    const pods = ['d', 'c', 'b', 'a'].map((name) => pod(name));
    expect(unseenWays([...pods, pod('z', { namespace: 'edge' })])).toMatchObject([
      {
        kind: 'Namespace',
        name: 'team',
        code: 'ProxiesUnseen',
        reason: 'no istiod that is asked knows the proxies of 4 pods (a, b, c, …)',
      },
      { name: 'edge', reason: expect.stringMatching(/of 1 pod \(z\)$/) as unknown },
    ]);
  });
});

describe('ambientWarnings', () => {
  it('name the namespaces of callers in the ambient mesh', () => {
    const pods = [
      pod('a', { isAmbient: true }),
      pod('b', { isAmbient: true, namespace: 'edge' }),
      pod('c', { isAmbient: true, namespace: 'shop' }),
      pod('d', { isAmbient: true, namespace: 'late', isReady: false }),
      pod('e', { namespace: 'out' }),
    ];
    expect(ambientWarnings(pods, 'shop')).toEqual([
      expect.stringMatching(/^pods of edge, team are in the ambient mesh/),
    ]);
    expect(ambientWarnings([pod('e')], 'shop')).toEqual([]);
  });
});

describe('bareCallers', () => {
  const own = { namespace: 'shop', labels: { 'istio-injection': 'enabled' }, selector: { app: 'ledger' } };
  const proxied = pod('p', { containers: PROXY });
  const ownPod = pod('ledger-1', { namespace: 'shop', labels: { app: 'ledger', 'pod-template-hash': 'x' } });
  it.each<[string, KubeObject[], string[]]>([
    ['one beside pods with proxies', [proxied, pod('a')], ['a']],
    ['one of the own namespace, which is in the mesh', [pod('a', { namespace: 'shop' })], ['a']],
    ['none of a namespace without proxies', [pod('a')], []],
    ['not the pods of the workload', [ownPod], []],
    ['one with the labels of the workload elsewhere', [proxied, pod('a', { labels: { app: 'ledger' } })], ['a']],
    ['not one of the ambient mesh', [proxied, pod('a', { isAmbient: true })], []],
    ['not one that starts', [proxied, pod('a', { isReady: false })], []],
    ['not one that ends', [proxied, pod('a', { isLeaving: true })], []],
  ])('names %s', (_case, pods, names) => {
    expect(bareCallers(pods, own).map(({ metadata }) => metadata.name)).toEqual(names);
  });

  it('names none of the own namespace where it is in no mesh', () => {
    expect(bareCallers([pod('a', { namespace: 'shop' })], { ...own, labels: {} })).toEqual([]);
  });

  it('are said by their namespaces, as ways that nothing divides', () => {
    const bare = [...['d', 'c', 'b', 'a'].map((name) => pod(name)), pod('z', { namespace: 'edge' })];
    expect(bareWays(bare)).toEqual([
      { kind: 'Namespace', name: 'edge', dividedBy: 'Nothing' },
      { kind: 'Namespace', name: 'team', dividedBy: 'Nothing' },
    ]);
    expect(bareWarnings(bare)).toEqual([
      expect.stringMatching(/^4 pods of the namespace team have no proxy of the mesh \(a, b, c, …\): /),
      expect.stringMatching(/^1 pod of the namespace edge has no proxy of the mesh \(z\): /),
    ]);
  });
});
