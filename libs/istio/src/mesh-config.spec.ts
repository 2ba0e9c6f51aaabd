import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { readMeshDefaults } from './mesh-config.js';

const ROOT = 'istio-system';
const injector = (name: string, revision: string | undefined): KubeObject => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name, labels: revision === undefined ? {} : { 'istio.io/rev': revision } },
});
const configs = (...names: string[]) =>
  Object.fromEntries(
    names.map((name) => [name, name.endsWith('narrow') ? "defaultVirtualServiceExportTo: ['.']" : '']),
  );

/** A cluster with these injectors and, by name, ConfigMaps of Istio. */
const clusterOf = (
  injectors: KubeObject[],
  maps: Record<string, string>,
  forbidden: readonly string[] = [],
): Pick<KubeClient, 'get' | 'list'> => ({
  list: () => Promise.resolve({ items: injectors, resourceVersion: '1' }),
  get: ({ kind, name }) => {
    if (forbidden.includes(name))
      return Promise.reject(new KubeError(403, { reason: 'Forbidden', message: `configmaps "${name}" is forbidden` }));
    const mesh = maps[name];
    return Promise.resolve(
      mesh === undefined ? undefined : { apiVersion: 'v1', kind, metadata: { name, namespace: ROOT }, data: { mesh } },
    );
  },
});
const one = injector('istio-sidecar-injector', 'default');
const blue = injector('istio-sidecar-injector-blue', 'blue');
const narrow = injector('istio-sidecar-injector-narrow', 'narrow');
const tag = injector('istio-revision-tag-prod', 'narrow');
const other = injector('another-webhook', undefined);

describe('the defaults of a mesh', () => {
  it.each<[string, Parameters<typeof clusterOf>, string[], RegExp | null]>([
    ['are those of the installation without a revision', [[one], configs('istio')], ['*'], null],
    ["are Istio's own where nothing is installed", [[], {}], ['*'], null],
    ['are those of a revision', [[narrow, tag], configs('istio-narrow')], ['.'], null],
    [
      'are the narrowest of several',
      [[one, blue, narrow], configs('istio', 'istio-blue', 'istio-narrow')],
      ['.'],
      null,
    ],
    ['are those of all where none is narrow', [[one, blue], configs('istio', 'istio-blue')], ['*'], null],
    ['leave other webhooks out', [[one, other], configs('istio')], ['*'], null],
    [
      'are not known of a revision without a configuration',
      [[blue], configs('istio')],
      ['*'],
      /no ConfigMap istio-blue/,
    ],
    [
      'are not known of a revision whose configuration may not be read',
      [[one, blue], configs('istio', 'istio-blue'), ['istio-blue']],
      ['*'],
      /^configmaps "istio-blue" is forbidden$/,
    ],
  ])('%s', async (_case, cluster, exportedTo, unread) => {
    const defaults = await readMeshDefaults(clusterOf(...cluster), ROOT);
    expect(defaults).toMatchObject({
      routesExportedTo: exportedTo,
      unread: unread === null ? null : (expect.stringMatching(unread) as unknown),
    });
  });

  it('are those of the installation without a revision where injectors may not be listed', async () => {
    const forbidden = new KubeError(403, { reason: 'Forbidden', message: 'forbidden' });
    const kube = { ...clusterOf([], configs('istio')), list: () => Promise.reject(forbidden) };
    await expect(readMeshDefaults(kube, ROOT)).resolves.toMatchObject({ routesExportedTo: ['*'], unread: null });
  });

  it.each([
    ['let requests out to unknown hosts', '', true],
    ['keep them in where the mesh says so', 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}', false],
  ])('%s', async (_case, istio, allowsAny) => {
    await expect(readMeshDefaults(clusterOf([], { istio }), ROOT)).resolves.toMatchObject({ allowsAny });
  });
});
