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

const forbidden: KubeClient['get'] = ({ kind }) =>
  kind === 'ConfigMap'
    ? Promise.reject(new KubeError(403, { reason: 'Forbidden', message: 'configmaps is forbidden' }))
    : Promise.resolve(service);

describe('surveyRoutes', () => {
  it.each([
    ['both versions', ['networking.istio.io/v1', 'networking.istio.io/v1beta1'], 'networking.istio.io/v1'],
    ['the old version alone', ['networking.istio.io/v1beta1'], 'networking.istio.io/v1beta1'],
  ])('works where %s is served', async (_case, versions, expected) => {
    const { routes, violations } = await surveyRoutes(serving(...versions), request);
    expect(violations).toEqual([]);
    expect(routes).toMatchObject({ apiVersion: expected, divided: [{ namespace: 'shop', name: 'web' }], own: [] });
  });

  it('is stopped by no object that another namespace holds and nobody can read', async () => {
    const odd = { ...route, metadata: { name: 'odd', namespace: 'other' }, spec: { hosts: 'all' } };
    const kube = serving('networking.istio.io/v1');
    const { routes, violations, warnings } = await surveyRoutes(
      {
        ...kube,
        list: async (kind) => {
          const list = await kube.list(kind);
          return { ...list, items: [...list.items, ...(kind.kind === 'VirtualService' ? [odd] : [])] };
        },
      },
      request,
    );
    expect([violations, routes.divided.map(({ name }) => name)]).toEqual([[], ['web']]);
    expect(warnings).toContainEqual(expect.stringContaining('VirtualService odd in the namespace other'));
  });

  describe('a VirtualService that does not say who sees it', () => {
    const mesh = (config: string): Pick<KubeClient, 'get' | 'list'> => ({
      ...serving('networking.istio.io/v1'),
      get: ({ kind, namespace, name }) =>
        Promise.resolve(
          kind === 'ConfigMap'
            ? { apiVersion: 'v1', kind, metadata: { namespace: namespace ?? '', name }, data: { mesh: config } }
            : service,
        ),
    });
    const ownOf = async (kube: Pick<KubeClient, 'get' | 'list'>) => {
      const { routes, warnings } = await surveyRoutes(kube, request, { root: 'istio-system' });
      return { own: routes.own.map(({ service: name }) => name), exportedTo: routes.exportedTo, warnings };
    };

    it.each<[string, string, string[], string[]]>([
      ['is for all where the mesh says nothing', 'rootNamespace: istio-system', ['*'], []],
      ['is for all where the mesh says so', "defaultVirtualServiceExportTo: ['*']", ['*'], []],
      [
        'leaves the callers of other namespaces without a route',
        "defaultVirtualServiceExportTo: ['.']",
        ['.'],
        ['web'],
      ],
    ])('%s', async (_case, config, exportedTo, own) => {
      expect(await ownOf(mesh(config))).toEqual({ own, exportedTo, warnings: [] });
    });

    it.each<[string, Pick<KubeClient, 'get' | 'list'>, RegExp]>([
      ['may not be read', { ...serving('networking.istio.io/v1'), get: forbidden }, /configmaps is forbidden/],
      ['is no configuration', mesh('- {'), /not the configuration of a mesh/],
    ])("is taken for all's, and said to be, where the configuration %s", async (_case, kube, why) => {
      const { own, warnings } = await ownOf(kube);
      expect([own, warnings]).toEqual([[], [expect.stringMatching(why)]]);
    });
  });

  it.each([
    ['Local', ['NodeLocalService']],
    ['Cluster', []],
  ])('refuses a Service that leads callers to pods of their node alone: %s', async (internalTrafficPolicy, codes) => {
    const spec = { ...(service['spec'] as object), internalTrafficPolicy };
    const kube = { ...serving('networking.istio.io/v1'), get: () => Promise.resolve({ ...service, spec }) };
    const { violations } = await surveyRoutes(kube, request);
    expect(violations.map(({ code }) => code)).toEqual(codes);
  });

  it('says that there is no mesh where none is served', async () => {
    const { violations } = await surveyRoutes(serving(), request);
    expect(violations.map(({ code }) => code)).toEqual(['NotServedByMesh']);
  });
});
