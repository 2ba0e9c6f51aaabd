import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { surveyRoutes } from './survey-cluster.js';

const request = {
  namespace: 'shop',
  services: [{ name: 'web', canary: 'web-scc-canary' }],
  label: { key: 'app', stable: 'web', canary: 'web-scc-canary' },
  markers: {},
};
const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports: [{ port: 80, name: 'http' }] },
};
const route: KubeObject = {
  apiVersion: 'x',
  kind: 'VirtualService',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] },
};

/** A cluster that serves Istio's objects in these versions alone. */
const serving = (...versions: string[]): Pick<KubeClient, 'get' | 'list'> => ({
  get: () => Promise.resolve(service),
  list: ({ apiVersion, kind }) =>
    versions.includes(apiVersion)
      ? Promise.resolve({ items: kind === 'VirtualService' ? [route] : [], resourceVersion: '1' })
      : Promise.reject(new KubeError(404, { reason: 'KindNotServed', message: `no ${apiVersion} ${kind}` })),
});

describe('surveyRoutes', () => {
  it.each([
    ['both versions', ['networking.istio.io/v1', 'networking.istio.io/v1beta1'], 'networking.istio.io/v1'],
    ['the old version alone', ['networking.istio.io/v1beta1'], 'networking.istio.io/v1beta1'],
  ])('works where %s is served', async (_case, versions, expected) => {
    const { routes, violations } = await surveyRoutes(serving(...versions), request);
    expect(violations).toEqual([]);
    expect(routes).toMatchObject({ apiVersion: expected, divided: [{ namespace: 'shop', name: 'web' }], own: [] });
  });

  it('says that there is no mesh where none is served', async () => {
    const { violations } = await surveyRoutes(serving(), request);
    expect(violations.map(({ code }) => code)).toEqual(['NotServedByMesh']);
  });
});
