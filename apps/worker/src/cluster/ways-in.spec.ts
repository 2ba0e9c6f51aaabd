import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { hostPortsOf } from '@scc/routing';
import { readWaysIn } from './ways-in.js';

const object = (kind: string, name: string, rest: object, namespace = 'shop'): KubeObject => ({
  apiVersion: 'x/v1',
  kind,
  metadata: { name, namespace },
  ...rest,
});

/** A cluster with these objects; kinds without any are not served, but for Services. */
function clusterOf(objects: KubeObject[], forbidden: string[] = []): Pick<KubeClient, 'list'> {
  return {
    list: ({ apiVersion, kind }, { namespace } = {}) => {
      if (forbidden.includes(kind))
        return Promise.reject(new KubeError(403, { reason: 'Forbidden', message: `may not list ${kind}` }));
      const items = objects.filter((one) => one.kind === kind);
      if (items.length === 0 && kind !== 'Service')
        return Promise.reject(new KubeError(404, { reason: 'KindNotServed', message: `no ${apiVersion} ${kind}` }));
      return Promise.resolve({
        items: items.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
        resourceVersion: '1',
      });
    },
  };
}

const service = (spec: object, name = 'web', namespace = 'shop') => object('Service', name, { spec }, namespace);
const asked = { namespace: 'shop', services: ['web'], podSpec: {}, domain: 'corp.example' };
const waysOf = async (...objects: KubeObject[]): Promise<string[]> =>
  (await readWaysIn(clusterOf(objects), asked)).ways.map(({ kind, name }) => `${kind} ${name}`);

const paths = (name: string): object => ({ rules: [{ http: { paths: [{ backend: { service: { name } } }] } }] });
const backends = (ref: object): object => ({ rules: [{ backendRefs: [ref] }] });
const hook = (namespace: string): object => ({
  webhooks: [{ clientConfig: { service: { namespace, name: 'web' } } }],
});

describe('readWaysIn', () => {
  it.each<[string, KubeObject, string[]]>([
    ['an Ingress by a path', object('Ingress', 'front', { spec: paths('web') }), ['Ingress front']],
    [
      'an Ingress by its default backend',
      object('Ingress', 'front', { spec: { defaultBackend: { service: { name: 'web' } } } }),
      ['Ingress front'],
    ],
    ['an Ingress to another Service', object('Ingress', 'front', { spec: paths('other') }), []],
    ['an Ingress of another namespace', object('Ingress', 'front', { spec: paths('web') }, 'other'), []],
    ['a Route', object('Route', 'front', { spec: { to: { kind: 'Service', name: 'web' } } }), ['Route front']],
    [
      'a Route by an alternate backend',
      object('Route', 'front', {
        spec: { to: { kind: 'Service', name: 'x' }, alternateBackends: [{ kind: 'Service', name: 'web' }] },
      }),
      ['Route front'],
    ],
    ['an HTTPRoute', object('HTTPRoute', 'r', { spec: backends({ name: 'web' }) }), ['HTTPRoute r']],
    [
      'a GRPCRoute of another namespace',
      object('GRPCRoute', 'r', { spec: backends({ name: 'web', namespace: 'shop' }) }, 'edge'),
      ['GRPCRoute edge/r'],
    ],
    [
      'a route to something that is no Service',
      object('HTTPRoute', 'r', { spec: backends({ kind: 'Bucket', name: 'web' }) }),
      [],
    ],
    [
      'a mirror of an HTTPRoute',
      object('HTTPRoute', 'r', {
        spec: { rules: [{ filters: [{ requestMirror: { backendRef: { name: 'web' } } }] }] },
      }),
      ['HTTPRoute r'],
    ],
    ['a NodePort', service({ type: 'NodePort' }), ['NodePort web']],
    ['a LoadBalancer', service({ type: 'LoadBalancer' }), ['LoadBalancer web']],
    ['external addresses', service({ externalIPs: ['203.0.113.7'] }), ['ExternalIP web']],
    ['a headless Service', service({ clusterIP: 'None' }), ['HeadlessService web']],
    ['an ordinary Service', service({ type: 'ClusterIP', clusterIP: '10.0.0.7' }), []],
    ['a NodePort of another workload', service({ type: 'NodePort' }, 'other'), []],
    [
      'another name of the Service',
      service({ type: 'ExternalName', externalName: 'web.shop.svc.corp.example.' }, 'alias', 'edge'),
      ['ExternalName edge/alias'],
    ],
    ['a webhook', object('ValidatingWebhookConfiguration', 'h', hook('shop')), ['ValidatingWebhookConfiguration h']],
    ['a webhook of another Service', object('MutatingWebhookConfiguration', 'h', hook('other')), []],
    [
      'an aggregated API',
      object('APIService', 'v1.x', { spec: { service: { namespace: 'shop', name: 'web' } } }),
      ['APIService v1.x'],
    ],
  ])('%s', async (_case, found, expected) => {
    expect(await waysOf(found)).toEqual(expected);
  });

  it('names a kind that may not be read', async () => {
    const { ways, unread } = await readWaysIn(clusterOf([], ['Route']), asked);
    expect({ ways, unread }).toEqual({ ways: [], unread: [{ kind: 'Route', reason: 'may not list Route' }] });
  });
});

describe('hostPortsOf', () => {
  const container = (port: object): object => ({ ports: [port] });
  it.each<[string, unknown, string[]]>([
    ['a host port', { containers: [container({ containerPort: 80, hostPort: 8080 })] }, ['8080']],
    ['the host network', { hostNetwork: true, containers: [container({ containerPort: 80 })] }, ['80']],
    ['a port of the pod', { containers: [container({ containerPort: 80 })] }, []],
    ['nothing', undefined, []],
  ])('%s', (_case, podSpec, expected) => {
    expect(hostPortsOf(podSpec).map(({ name }) => name)).toEqual(expected);
  });
});
