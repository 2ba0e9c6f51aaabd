import type { KubeObject } from '@scc/kube';
import { addressesOfPods, servicesByEndpoints, strangeSlices } from './by-endpoints.js';

const own = { uids: new Set(['p1']), addresses: new Set(['10.0.0.1', 'fd00::1']) };
const pod = (uid: string) => ({ addresses: ['10.0.0.9'], targetRef: { kind: 'Pod', name: uid, uid } });
const at = (...addresses: string[]) => ({ addresses });

const slice = (service: string, endpoints: object[] | null, managedBy?: string): KubeObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: `${service}-1`,
    namespace: 'shop',
    labels: {
      'kubernetes.io/service-name': service,
      ...(managedBy === undefined ? {} : { 'endpointslice.kubernetes.io/managed-by': managedBy }),
    },
  },
  endpoints,
});
const BY_SELECTOR = 'endpointslice-controller.k8s.io';
const MIRRORED = 'endpointslicemirroring-controller.k8s.io';

describe('servicesByEndpoints', () => {
  it.each<[string, KubeObject, string[]]>([
    ['a Service whose endpoints are the address of a pod', slice('leader', [at('10.0.0.1')]), ['leader']],
    ['one of the other family', slice('leader', [at('fd00::1')]), ['leader']],
    ['one whose Endpoints are mirrored', slice('leader', [at('10.0.0.1')], MIRRORED), ['leader']],
    ['one that picks a pod by a label of its own', slice('primary', [pod('p1')], BY_SELECTOR), ['primary']],
    ['none that leads to other pods', slice('other', [pod('p2'), at('10.0.0.2')]), []],
    ['none that is known', slice('web', [pod('p1')], BY_SELECTOR), []],
    ['none without endpoints', slice('leader', null), []],
    ['none of a slice that belongs to no Service', slice('', [at('10.0.0.1')]), []],
  ])('finds %s', (_case, one, expected) => {
    expect(servicesByEndpoints([one, one], own, ['web'])).toEqual(expected);
  });
});

describe('strangeSlices', () => {
  it.each<[string, KubeObject, string[]]>([
    ['an address that is added by hand', slice('web', [at('192.0.2.7')]), ['EndpointSlice web-1']],
    ['a pod of another workload', slice('web', [pod('p2')], 'someone'), ['EndpointSlice web-1']],
    ['not those of the selector, which are told by their owners', slice('web', [pod('p2')], BY_SELECTOR), []],
    ['not the pods of the workload', slice('web', [at('10.0.0.1'), pod('p1')]), []],
    ['not those of another Service', slice('other', [at('192.0.2.7')]), []],
  ])('names %s', (_case, one, expected) => {
    expect(strangeSlices([one], 'web', own)).toEqual(expected);
  });
});

describe('addressesOfPods', () => {
  it('are those of both families', () => {
    const of = (status: object): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, status });
    const both = of({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] });
    expect(new Set(addressesOfPods([both, of({ podIP: '10.0.0.2' }), of({})]))).toEqual(
      new Set(['10.0.0.1', 'fd00::1', '10.0.0.2']),
    );
  });
});
