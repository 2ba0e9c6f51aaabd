import { addressesOf, readyEndpointsOf } from './endpoints.js';
import type { KubeClient } from './kube-client.js';

type Conditions = { ready?: boolean; serving?: boolean; terminating?: boolean };
const endpoint = (uid: string, address: string, conditions: Conditions = {}) => ({
  addresses: [address],
  conditions,
  targetRef: { kind: 'Pod', name: uid, uid },
});
const kube = (...slices: (object[] | null)[]): Pick<KubeClient, 'list'> => ({
  list: () =>
    Promise.resolve({
      items: slices.map((endpoints, index) => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: `web-${index}`, namespace: 'shop' },
        endpoints,
      })),
      resourceVersion: '1',
    }),
});
const of = (...slices: (object[] | null)[]) => readyEndpointsOf(kube(...slices), 'shop', 'web');

describe('the ready endpoints of a Service', () => {
  it.each<[string, Conditions, number]>([
    ['one that says nothing of itself', {}, 1],
    ['one that is ready and serves', { ready: true, serving: true, terminating: false }, 1],
    ['none that is not ready', { ready: false, serving: false }, 0],
    ['none that is published although its pod is not ready', { ready: true, serving: false }, 0],
    ['none that is published although its pod ends', { ready: true, serving: true, terminating: true }, 0],
    ['none whose pod ends and still serves', { ready: false, serving: true, terminating: true }, 0],
  ])('count %s', async (_case, conditions, expected) => {
    await expect(of([endpoint('a', '10.0.0.1', conditions)])).resolves.toBe(expected);
  });

  it('count a pod once that has addresses of both families, or is in two slices for a moment', async () => {
    await expect(of([endpoint('a', '10.0.0.1')], [endpoint('a', 'fd00::1')])).resolves.toBe(1);
    await expect(of([endpoint('a', '10.0.0.1')], [endpoint('a', '10.0.0.1')], null)).resolves.toBe(1);
    await expect(of([endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2')])).resolves.toBe(2);
  });

  it('are told by address apart from those that exist', async () => {
    const slices = kube([endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2', { ready: true, serving: false })]);
    await expect(addressesOf(slices, 'shop', 'web')).resolves.toEqual({
      ready: new Set(['10.0.0.1']),
      all: new Set(['10.0.0.1', '10.0.0.2']),
    });
  });
});
