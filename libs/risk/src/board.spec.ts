import { describe, expect, it } from '@jest/globals';
import { parseCampaign, type CampaignSpecInput, waveHash } from '@scc/plan';
import { aimOf, type ClusterObject, clusterObjectSchema, inventoryOf, scan } from '@scc/scc/scan';
import { boardOf, configMapsFor, type Board } from './board.js';

const anObject = (object: object): ClusterObject => clusterObjectSchema.parse(object);
const aNamespace = (name: string, labels: object = {}): ClusterObject =>
  anObject({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: { 'istio-injection': 'enabled', ...labels },
      annotations: {
        'openshift.io/sa.scc.uid-range': '1000650000/10000',
        'openshift.io/sa.scc.supplemental-groups': '1000650000/10000',
        'openshift.io/sa.scc.mcs': 's0:c26,c5',
      },
    },
  });

interface Parts {
  namespace?: string;
  labels?: object;
  replicas?: number;
  container?: object;
  pod?: object;
}

/** A workload that may use anyuid, with its Service. */
function aWorkload(name: string, { namespace = 'shop', labels, replicas = 1, container, pod }: Parts = {}) {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:openshift:scc:anyuid' },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ port: 80, name: 'http' }] },
  };
  const workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, ...(labels ? { labels } : {}) },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          serviceAccountName: name,
          containers: [{ name: 'app', image: 'i', ports: [{ containerPort: 8080 }], ...container }],
          ...pod,
        },
      },
    },
  };
  return [workload, binding, service].map(anObject);
}

function board(spec: CampaignSpecInput, ...objects: ClusterObject[]): Board {
  const parsed = parseCampaign(spec);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.violations));
  const target = parsed.spec.targetSCC === 'LeastReachable' ? undefined : parsed.spec.targetSCC;
  const inventory = inventoryOf([aNamespace('shop', { team: 'a' }), aNamespace('bank'), ...objects], undefined);
  const aim = aimOf(inventory, target);
  if (!aim) throw new Error('no such SCC');
  const { rows } = scan(inventory, aim);
  return boardOf(parsed.spec, { objects: [aNamespace('shop', { team: 'a' }), ...objects], rows }, 1000);
}
const names = ({ waves }: Board): string[][] => waves.map(({ workloads }) => workloads.map(({ name }) => name));

describe('the board of a campaign', () => {
  it('moves what matters least first, and says why', () => {
    const made = board(
      { selector: {}, waves: { count: 3 } },
      ...aWorkload('core', { labels: { 'scc.poc/criticality': 'critical' } }),
      ...aWorkload('toy', { labels: { 'scc.poc/criticality': 'low' } }),
      ...aWorkload('web'),
    );
    expect(names(made)).toEqual([['toy'], ['web'], ['core']]);
    expect(made.waves[2]?.workloads[0]?.why).toContain('the label scc.poc/criticality=critical of the workload');
    expect(made.waves[0]?.hash).toBe(waveHash(made.waves[0]?.workloads ?? []));
  });

  it.each<[string, CampaignSpecInput, string[]]>([
    ['namespaces by name', { selector: { namespaces: ['bank'] } }, ['vault']],
    ['namespaces by label', { selector: { namespaceLabels: { team: 'a' } } }, ['web', 'api']],
    ['workloads by label', { selector: { labels: { tier: 'api' } } }, ['api']],
    ['the SCC that they run under', { selector: { sourceSCC: 'privileged' } }, []],
    ['kinds', { selector: { kinds: ['DaemonSet'] } }, []],
    ['a list', { workloads: [{ namespace: 'shop', name: 'web' }] }, ['web']],
  ])('selects by %s', (_case, spec, expected) => {
    const made = board(
      { waves: { count: 1 }, ...spec },
      ...aWorkload('web'),
      ...aWorkload('api', { labels: { tier: 'api' } }),
      ...aWorkload('vault', { namespace: 'bank' }),
    );
    expect(names(made).flat().sort()).toEqual([...expected].sort());
  });

  it('leaves what no plan can move, and names what is not there', () => {
    const made = board(
      { workloads: ['node', 'gone', 'web'].map((name) => ({ namespace: 'shop', name })) },
      ...aWorkload('web'),
      ...aWorkload('node', { pod: { hostNetwork: true } }),
    );
    expect(names(made)).toEqual([['web']]);
    expect(made.left.map(({ workload }) => workload)).toEqual(['shop/Deployment/node', 'shop/Deployment/gone']);
    for (const { reason } of made.left) expect(reason).not.toBe('');
  });

  it('keeps the waves that a list gives', () => {
    const made = board(
      {
        workloads: [
          { namespace: 'shop', name: 'web', wave: 2 },
          { namespace: 'shop', name: 'api', wave: 1 },
        ],
      },
      ...aWorkload('web'),
      ...aWorkload('api', { labels: { 'scc.poc/criticality': 'critical' } }),
    );
    expect(names(made)).toEqual([['api'], ['web']]);
  });

  it('reads whom workloads call from the ConfigMaps that they use, and names those to read', () => {
    const configMap = (name: string, data: object, namespace = 'shop'): ClusterObject =>
      anObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
    const volume = (name: string) => ({ name, configMap: { name } });
    const objects = [
      ...aWorkload('web', { container: { envFrom: [{ configMapRef: { name: 'urls' } }] } }),
      ...aWorkload('cart', {
        container: { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'urls', key: 'stock' } } }] },
      }),
      ...aWorkload('files', {
        pod: { volumes: [volume('app'), { name: 'p', projected: { sources: [volume('more')] } }] },
      }),
      ...aWorkload('quiet', { pod: { volumes: [volume('prose')] } }),
      ...['api', 'stock', 'mail'].flatMap((name) => aWorkload(name)),
    ];
    const maps = [
      configMap('urls', { api: 'http://api:8080', stock: 'stock' }),
      configMap('app', { 'app.yaml': 'mail:\n  url: jdbc:pg://u:p@stock.shop.svc.cluster.local/x\n' }),
      configMap('more', { 'b.ini': 'upstream=api:9090' }),
      configMap('prose', { 'README.md': 'the api and its stock: mail, api/v1, my-api.com' }),
      configMap('urls', { api: 'http://mail' }, 'bank'),
    ];
    const callsOf = ({ waves }: Board) =>
      Object.fromEntries(
        waves.flatMap(({ workloads }) => workloads.flatMap(({ name, calls }) => (calls ? [[name, calls]] : []))),
      );
    const at = (...names_: string[]) => names_.map((name) => `shop/Deployment/${name}`);
    expect(callsOf(board({ selector: {} }, ...objects))).toEqual({});
    expect(callsOf(board({ selector: {} }, ...objects, ...maps))).toEqual({
      web: at('api', 'stock'),
      cart: at('stock'),
      files: at('api', 'stock'),
    });
    const parsed = parseCampaign({ workloads: ['web', 'files'].map((name) => ({ namespace: 'shop', name })) });
    const inventory = inventoryOf(objects);
    const aim = aimOf(inventory, undefined);
    if (!parsed.ok || !aim) throw new Error('the campaign is not one');
    const asked = configMapsFor(parsed.spec, { objects, rows: scan(inventory, aim).rows });
    expect(asked.map(({ namespace, name }) => `${namespace}/${name}`).sort()).toEqual([
      ...['shop/app', 'shop/more', 'shop/urls'],
    ]);
  });

  it('refuses to have more workloads than a campaign may have', () => {
    const parsed = parseCampaign({ selector: {} });
    const objects = [aNamespace('shop'), ...aWorkload('a'), ...aWorkload('b')];
    const inventory = inventoryOf(objects, undefined);
    const aim = aimOf(inventory, undefined);
    if (!parsed.ok || !aim) throw new Error('the campaign is not one');
    const { rows } = scan(inventory, aim);
    expect(() => boardOf(parsed.spec, { objects, rows }, 1)).toThrow('it selects 2 workloads');
  });

  it('keeps workloads that call each other in different waves, as their templates name their Services', () => {
    const env = (value: string) => ({ container: { env: [{ name: 'TARGET', value }] } });
    const made = board(
      { selector: {}, waves: { sizes: [3, 1] } },
      ...aWorkload('a', env('http://b:8080/v1?x=shop')),
      ...aWorkload('b', env('d.bank.svc.cluster.local:5432,e.nowhere')),
      ...aWorkload('c', { container: { args: ['--upstream=b.shop', '--mode', 'd'] } }),
      ...aWorkload('d', { namespace: 'bank' }),
    );
    expect(made.waves.flatMap(({ workloads }) => workloads.map(({ name, calls }) => [name, calls]))).toEqual(
      expect.arrayContaining([
        ['a', ['shop/Deployment/b']],
        ['b', ['bank/Deployment/d']],
        ['c', ['shop/Deployment/b']],
        ['d', undefined],
      ]),
    );
    const waveOf = (wanted: string): number =>
      made.waves.findIndex(({ workloads }) => workloads.some(({ name }) => name === wanted));
    expect([waveOf('a') === waveOf('b'), waveOf('c') === waveOf('b'), waveOf('b') === waveOf('d')]).toEqual([
      ...[false, false, false],
    ]);
  });
});
