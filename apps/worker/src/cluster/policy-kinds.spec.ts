import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { readPolicies, selectingKinds } from './policy-kinds.js';

const definition = (kind: string, spec: object, over: object = {}): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: kind },
  spec: {
    group: 'guard.example',
    scope: 'Namespaced',
    names: { kind },
    versions: [{ name: 'v1', served: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }],
    ...over,
  },
});
const withField = (name: string): object => ({ properties: { rules: { items: { properties: { [name]: {} } } } } });

describe('selectingKinds', () => {
  it.each<[string, KubeObject, string[]]>([
    ['a podSelector', definition('Guard', withField('podSelector')), ['Guard']],
    ['a workloadSelector', definition('Guard', withField('workloadSelector')), ['Guard']],
    ['a targetRef', definition('Guard', withField('targetRef')), ['Guard']],
    ['matchLabels', definition('Guard', withField('matchLabels')), ['Guard']],
    [
      'the fields of an EgressIP of OVN-Kubernetes',
      definition(
        'EgressIP',
        { properties: { podSelector: { properties: { matchLabels: {} } } } },
        { group: 'k8s.ovn.org', scope: 'Cluster' },
      ),
      ['EgressIP'],
    ],
    [
      'the fields of an AdminNetworkPolicy',
      definition(
        'AdminNetworkPolicy',
        { properties: { subject: { properties: { pods: withField('podSelector') } } } },
        { group: 'policy.networking.k8s.io', scope: 'Cluster' },
      ),
      ['AdminNetworkPolicy'],
    ],
    [
      'the name of an EgressService of OVN-Kubernetes, whose fields pick nodes alone',
      definition('EgressService', withField('nodeSelector'), { group: 'k8s.ovn.org' }),
      ['EgressService'],
    ],
    [
      'the name of a kind of Kuma whose schema says nothing of its fields',
      definition('TrafficRoute', { 'x-kubernetes-preserve-unknown-fields': true }, { group: 'kuma.io' }),
      ['TrafficRoute'],
    ],
    [
      'neither its name nor its fields, as one of Kuma that says what runs',
      definition('DataplaneInsight', { 'x-kubernetes-preserve-unknown-fields': true }, { group: 'kuma.io' }),
      [],
    ],
    ['a map of rules', definition('Guard', { additionalProperties: withField('selector') }), ['Guard']],
    ['no such field', definition('Guard', withField('selectorless')), []],
    ['a kind that looks for Services', definition('ServiceMonitor', withField('selector')), []],
    ['a group that is known', definition('Guard', withField('selector'), { group: 'security.istio.io' }), []],
    [
      'a version that is not served',
      definition(
        'Guard',
        {},
        {
          versions: [{ name: 'v1', served: false, schema: { openAPIV3Schema: withField('selector') } }],
        },
      ),
      [],
    ],
  ])('of a kind with %s', (_case, of, expected) => {
    expect(selectingKinds(of).map(({ kind }) => kind)).toEqual(expected);
  });
});

const object = (apiVersion: string, kind: string, namespace: string, name: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(namespace === '' ? {} : { namespace }) },
  spec: {},
});

function clusterOf(objects: KubeObject[], forbidden: string[] = []): Pick<KubeClient, 'list'> {
  return {
    list: ({ apiVersion, kind }, { namespace } = {}) => {
      if (forbidden.includes(kind))
        return Promise.reject(new KubeError(403, { reason: 'Forbidden', message: `may not list ${kind}` }));
      const items = objects.filter((one) => one.kind === kind && one.apiVersion === apiVersion);
      if (items.length === 0) return Promise.reject(new KubeError(404, { reason: 'KindNotServed', message: kind }));
      const wanted = items.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
      return Promise.resolve({ items: wanted, resourceVersion: '1' });
    },
  };
}
const at = { namespace: 'shop', root: 'istio-system' };
const named = (objects: KubeObject[]): string[] =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name ?? ''}`);

describe('readPolicies', () => {
  it('takes what can be copied from the namespace and from the root of the mesh, in whatever version is served', async () => {
    const { copied } = await readPolicies(
      clusterOf([
        object('networking.k8s.io/v1', 'NetworkPolicy', 'shop', 'a'),
        object('security.istio.io/v1beta1', 'AuthorizationPolicy', 'shop', 'b'),
        object('security.istio.io/v1beta1', 'AuthorizationPolicy', 'istio-system', 'c'),
        object('networking.istio.io/v1alpha3', 'EnvoyFilter', 'istio-system', 'd'),
        object('security.istio.io/v1', 'PeerAuthentication', 'istio-system', 'mesh'),
        object('extensions.istio.io/v1alpha1', 'WasmPlugin', 'other', 'e'),
      ]),
      at,
    );
    expect(named(copied)).toEqual([
      'NetworkPolicy shop/a',
      'AuthorizationPolicy shop/b',
      'AuthorizationPolicy istio-system/c',
      'EnvoyFilter istio-system/d',
    ]);
  });

  it('takes everything else that may pick the pods', async () => {
    const cluster = clusterOf([
      object('networking.k8s.io/v1', 'NetworkPolicy', 'ledger', 'from-shop'),
      object('networking.istio.io/v1', 'ServiceEntry', 'shop', 'vm'),
      object('networking.istio.io/v1beta1', 'VirtualService', 'ledger', 'plain'),
      {
        ...object('networking.istio.io/v1beta1', 'VirtualService', 'ledger', 'by-caller'),
        spec: { tcp: [{ match: [{ sourceLabels: { app: 'web' } }] }] },
      },
      definition('Guard', withField('podSelector')),
      object('guard.example/v1', 'Guard', 'shop', 'g'),
      object('guard.example/v1', 'Guard', 'other', 'not-here'),
      definition('Exit', withField('podSelector'), { scope: 'Cluster' }),
      object('guard.example/v1', 'Exit', '', 'x'),
    ]);
    expect(named((await readPolicies(cluster, at)).foreign)).toEqual([
      'NetworkPolicy ledger/from-shop',
      'VirtualService ledger/by-caller',
      'ServiceEntry shop/vm',
      'Guard shop/g',
      'Exit /x',
    ]);
  });

  it('takes policies of a mesh from its own namespace, and those of other namespaces for these alone', async () => {
    const policy = (namespace: string, role?: string): KubeObject => {
      const one = object('kuma.io/v1', 'MeshTimeout', namespace, role ?? 'old');
      return { ...one, metadata: { ...one.metadata, ...(role ? { labels: { 'kuma.io/policy-role': role } } : {}) } };
    };
    const cluster = clusterOf([
      definition('MeshTimeout', withField('targetRef'), { group: 'kuma.io' }),
      ...[policy('kuma-system', 'system'), policy('kuma-system'), policy('shop', 'workload-owner')],
      policy('other', 'consumer'),
    ]);
    expect(named((await readPolicies(cluster, at)).foreign)).toEqual([
      'MeshTimeout kuma-system/system',
      'MeshTimeout kuma-system/old',
      'MeshTimeout shop/workload-owner',
    ]);
  });

  it('takes the first policies of a mesh, which are in no namespace', async () => {
    const spec = { 'x-kubernetes-preserve-unknown-fields': true };
    const cluster = clusterOf([
      definition('TrafficPermission', spec, { group: 'kuma.io', scope: 'Cluster' }),
      object('kuma.io/v1', 'TrafficPermission', '', 'to-web'),
    ]);
    expect(named((await readPolicies(cluster, at)).foreign)).toEqual(['TrafficPermission /to-web']);
  });

  it('names kinds that may not be read, and keeps those of the platform apart', async () => {
    const cluster = clusterOf(
      [
        definition('Guard', withField('podSelector')),
        definition('Quota', withField('selector'), { group: 'quota.openshift.io' }),
      ],
      ['Guard', 'Quota'],
    );
    const { unread, unreadOfPlatform } = await readPolicies(cluster, at);
    expect(unread.map(({ kind }) => kind)).toEqual(['Guard']);
    expect(unreadOfPlatform.map(({ kind }) => kind)).toEqual(['Quota']);
  });
});
