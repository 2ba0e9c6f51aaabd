import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { decide } from '../admission/decide.js';
import { controllerSubject } from '../migration/template.js';
import { podOf } from '../migration/facts.js';
import { compareByPrivilege } from '../migration/lattice.js';
import { pods } from '../model/arbitraries.fixture.js';
import { imagesIn, inventoryOf, withImages } from './inventory.js';
import type { ClusterObject } from './objects.js';
import { aGrant, aNamespace, anObject, aPod, aService, aWorkload, ownedBy } from './objects.fixture.js';
import { scanReportSchema, type ScanRow } from './report.js';
import { isCaptured } from './rows.js';
import { aimOf, scan } from './scan.js';

const shop = aNamespace('shop');
const root = { securityContext: { runAsUser: 0 } };

function scanOf(objects: readonly ClusterObject[], target?: string) {
  const inventory = inventoryOf(objects);
  const aim = aimOf(inventory, target);
  if (!aim) throw new Error(`no SCC ${target ?? ''}`);
  return scanReportSchema.parse(scan(inventory, aim));
}

function rowOf(...objects: readonly ClusterObject[]): ScanRow {
  const [row, ...others] = scanOf([shop, ...objects]).rows;
  if (!row || others.length > 0) throw new Error('not one row');
  return row;
}

describe('what can be done about a workload', () => {
  const hostPath = { volumes: [{ name: 'v', hostPath: { path: '/' } }] };
  const claim = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
  it.each<[string, ClusterObject[], Partial<ScanRow>]>([
    ['it runs under the aim', [aWorkload('a')], { category: 'Strict', target: null }],
    ['a stricter SCC admits it as it is', [aWorkload('a'), aGrant('a', 'anyuid')], { category: 'AsIs', edits: [] }],
    [
      'after a patch',
      [aWorkload('a', { container: root }), aGrant('a', 'anyuid')],
      { category: 'Patch', current: 'anyuid', target: 'restricted-v2' },
    ],
    [
      'its data belongs to another user',
      [aWorkload('a', { container: root, pod: claim }), aGrant('a', 'anyuid')],
      { category: 'Volume', target: 'restricted-v2' },
    ],
    [
      'a volume that only its SCC allows',
      [aWorkload('a', { pod: hostPath }), aGrant('a', 'hostmount-anyuid')],
      { category: 'Never', target: null, current: 'hostmount-anyuid' },
    ],
    [
      'an SCC between the two',
      [
        aWorkload('a', { container: { securityContext: { privileged: true } }, pod: hostPath }),
        aGrant('a', 'privileged'),
      ],
      { category: 'Patch', current: 'privileged', target: 'hostmount-anyuid' },
    ],
    [
      'an operator writes its template',
      [
        ownedBy(aWorkload('a'), anObject({ apiVersion: 'db.example/v1', kind: 'Cluster', metadata: { name: 'main' } })),
        aGrant('a', 'anyuid'),
      ],
      { category: 'Operator', owner: { by: 'operator', name: 'Cluster.db.example main' } },
    ],
    [
      'SCC admission does not look at its namespace',
      [aWorkload('a', { metadata: { namespace: 'kube-system' } })],
      { category: 'Exempt', nextRestart: { scc: null, refusal: null } },
    ],
  ])('%s', (_case, objects, expected) => {
    expect(rowOf(...objects)).toMatchObject(expected);
  });

  it('names what the aim refuses where it cannot be reached', () => {
    const { blockers } = rowOf(aWorkload('a', { pod: hostPath }), aGrant('a', 'privileged'));
    expect(blockers).toEqual([expect.stringContaining('hostPath volumes are not allowed to be used')]);
  });

  it('warns of what was only read, and not of what was seen to run', () => {
    const set = aWorkload('a', { kind: 'StatefulSet' });
    expect(rowOf(set).risks).not.toEqual([]);
    expect(rowOf(set, ownedBy(aPod('a-0', 'restricted-v2'), set)).risks).toEqual([]);
  });
});

describe('what a workload runs under', () => {
  const deployment = aWorkload('a');
  const replicaSet = ownedBy(aWorkload('a-1', { kind: 'ReplicaSet' }), deployment);

  it('is counted from the live pods at the end of its chain of owners, mixtures by the most privileged', () => {
    const row = rowOf(
      deployment,
      replicaSet,
      ownedBy(aPod('p1', 'anyuid'), replicaSet),
      ownedBy(aPod('p2', 'restricted-v2'), replicaSet),
      ownedBy(aPod('p3', 'privileged', 'Failed'), replicaSet),
    );
    expect(row).toMatchObject({
      name: 'a',
      kind: 'Deployment',
      pods: { anyuid: 1, 'restricted-v2': 1 },
      current: 'anyuid',
    });
  });

  it('is not that of a pod that only carries its labels', () => {
    const stray = aPod('stray', 'privileged');
    const { rows } = scanOf([shop, deployment, { ...stray, metadata: { ...stray.metadata, labels: { app: 'a' } } }]);
    expect(rows.map(({ name, current }) => [name, current])).toEqual([
      ['a', 'restricted-v2'],
      ['stray', 'privileged'],
    ]);
  });

  it('survives owners that own each other', () => {
    const one = aWorkload('one', { kind: 'ReplicaSet' });
    const two = ownedBy(aWorkload('two', { kind: 'ReplicaSet' }), one);
    expect(scanOf([shop, ownedBy(one, two), two]).rows).toEqual([]);
  });

  it('shows another SCC that captures it at the next restart, and a refusal', () => {
    const running = [deployment, ownedBy(aPod('p', 'restricted-v2'), deployment)];
    expect(isCaptured(rowOf(...running))).toBe(false);
    const captured = rowOf(...running, aGrant('a', 'anyuid'));
    expect(captured).toMatchObject({ current: 'restricted-v2', nextRestart: { scc: 'anyuid' } });
    expect(isCaptured(captured)).toBe(true);
    const refused = scanOf([shop, aWorkload('a', { container: root })]);
    expect(refused.rows[0]?.nextRestart).toMatchObject({
      scc: null,
      refusal: expect.stringContaining('unable to validate') as unknown,
    });
    expect(refused.totals.refusedAtNextRestart).toBe(1);
  });

  it('names through what it may use an SCC', () => {
    expect(rowOf(deployment, aGrant('a', 'anyuid')).mayUse).toEqual([
      { scc: 'anyuid', through: ['RoleBinding shop/a-anyuid (system:serviceaccount:shop:a)'] },
      {
        scc: 'restricted-v2',
        through: ['ClusterRoleBinding system:openshift:scc:restricted-v2 (system:authenticated)'],
      },
      {
        scc: 'restricted-v3',
        through: ['ClusterRoleBinding system:openshift:scc:restricted-v3 (system:authenticated)'],
      },
    ]);
  });
});

describe('what live pods show of the users of their images', () => {
  const deployment = aWorkload('a');
  const runningAs = (name: string, uid: number, over: { image?: string; securityContext?: object } = {}) => {
    const { image = 'i', securityContext } = over;
    const pod = ownedBy(aPod(name, 'nonroot-v2'), deployment);
    const containers = [{ name: 'app', image, ...(securityContext ? { securityContext } : {}) }];
    const containerStatuses = [{ name: 'app', user: { linux: { uid, gid: 0 } } }];
    return anObject({ ...pod, spec: { containers }, status: { phase: 'Running', containerStatuses } });
  };
  const seen = { source: 'running user', container: 'app' };

  it.each<[string, ClusterObject[], object[]]>([
    ['none without a word of the kubelet', [ownedBy(aPod('p', 'anyuid'), deployment)], []],
    ['one', [runningAs('p', 1001)], [{ ...seen, uid: 1001, seenIn: 1, pods: 1 }]],
    [
      'with how many showed it',
      [runningAs('p', 0), ownedBy(aPod('q', 'anyuid'), deployment)],
      [{ ...seen, uid: 0, seenIn: 1, pods: 2 }],
    ],
    ['none where pods differ', [runningAs('p', 0), runningAs('q', 5)], []],
    ['none of another image', [runningAs('p', 0, { image: 'older' })], []],
    ['none that was given to it', [runningAs('p', 0, { securityContext: { runAsUser: 0 } })], []],
  ])('%s', (_case, pods, evidence) => {
    expect(rowOf(deployment, ...pods).evidence).toEqual(evidence);
  });

  it.each<[string, string, string[][], string]>([
    ['the tag without pods', 'quay.io:8443/a/b:1', [], 'quay.io:8443/a/b:1'],
    ['the digest that runs', 'quay.io:8443/a/b:1', [['1'], ['1']], `quay.io:8443/a/b@sha256:${'1'.repeat(64)}`],
    ['the digest of a name without a tag', 'b', [['1']], `b@sha256:${'1'.repeat(64)}`],
    ['the tag where pods run two', 'a/b:1', [['1'], ['2']], 'a/b:1'],
    ['the digest that the template has', `b@sha256:${'3'.repeat(64)}`, [['1']], `b@sha256:${'3'.repeat(64)}`],
    ['the tag where a pod runs another image', 'a/b:2', [['1', 'a/b:1']], 'a/b:2'],
  ])('and of their images: %s', (_case, image, pods, expected) => {
    const own = aWorkload('a', { container: { image } });
    const running = pods.map(([digit = '', other = image], at) => {
      const pod = ownedBy(aPod(`p${at}`, 'nonroot-v2'), own);
      const imageID = `mirror.example/a/b@sha256:${digit.repeat(64)}`;
      return anObject({
        ...pod,
        spec: { containers: [{ name: 'app', image: other }] },
        status: { phase: 'Running', containerStatuses: [{ name: 'app', imageID }] },
      });
    });
    const inventory = inventoryOf([shop, own, ...running]);
    expect([...imagesIn(inventory.workloads)]).toEqual([expected]);
    const reason = 'its registry is not named';
    const answered = withImages(inventory, new Map([[expected, { read: false, reason }]]));
    const aim = aimOf(answered, undefined);
    if (!aim) throw new Error('no aim');
    expect(scan(answered, aim).rows[0]?.evidence).toContainEqual({
      ...{ source: 'image not read', container: 'app', image: expected, reason },
    });
  });

  it('make an uncertain risk certain', () => {
    const riskOf = (...pods: ClusterObject[]) => {
      const inventory = inventoryOf([shop, deployment, aGrant('a', 'anyuid'), ...pods]);
      const aim = aimOf(inventory, 'nonroot-v2');
      if (!aim) throw new Error('no aim');
      const [row] = scan(inventory, aim).rows;
      return row?.risks.find(({ name }) => name === 'image-runs-as-root')?.uncertain;
    };
    const asRoot = anObject({
      ...runningAs('p', 0),
      metadata: { ...runningAs('p', 0).metadata, annotations: { 'openshift.io/scc': 'anyuid' } },
    });
    expect(riskOf()).toBe(true);
    expect(riskOf(asRoot)).toBe(false);
  });
});

describe('what stands in the way of a plan', () => {
  const virtualService = anObject({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'VirtualService',
    metadata: { name: 'v', namespace: 'shop' },
    spec: { http: [{ route: [{ destination: { host: 'a.shop.svc.cluster.local' } }] }] },
  });
  const ingress = anObject({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'i', namespace: 'shop' },
    spec: { rules: [{ http: { paths: [{ backend: { service: { name: 'a', port: { number: 80 } } } }] } }] },
  });
  const route = anObject({
    apiVersion: 'route.openshift.io/v1',
    kind: 'Route',
    metadata: { name: 'r', namespace: 'shop' },
    spec: { to: { kind: 'Service', name: 'other' }, alternateBackends: [{ kind: 'Service', name: 'a' }] },
  });
  const httpRoute = anObject({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'h', namespace: 'edge' },
    spec: { rules: [{ backendRefs: [{ name: 'a', namespace: 'shop' }] }] },
  });
  const tcpRoute = anObject({
    ...httpRoute,
    apiVersion: 'gateway.networking.k8s.io/v1alpha2',
    kind: 'TCPRoute',
    metadata: { name: 't', namespace: 'edge' },
  });
  it.each<[string, ClusterObject[], string[]]>([
    ['nothing: a VirtualService divides it', [aService('a'), virtualService], []],
    ['nothing: without a mesh its pods divide it', [aService('a')], []],
    ['nothing: without a mesh an Ingress ends at these pods', [aService('a'), ingress], []],
    ['a headless Service without a mesh', [aService('a', { clusterIP: 'None' })], ['headless Service shop/a']],
    ['a headless Service', [aService('a', { clusterIP: 'None' }), virtualService], ['headless Service shop/a']],
    ['a port of every node', [aService('a', { type: 'NodePort' }), virtualService], ['NodePort Service shop/a']],
    ['an Ingress', [aService('a'), virtualService, ingress], ['Ingress shop/i']],
    ['nothing: a Route is divided', [aService('a'), virtualService, route], []],
    ['nothing: a Route is divided without a mesh, too', [aService('a'), route], []],
    ['nothing: a route of the Gateway API is divided', [aService('a'), virtualService, httpRoute], []],
    ['nothing: a route of the Gateway API is divided without a mesh, too', [aService('a'), httpRoute], []],
    ['nothing: a Route beside one of the Gateway API', [aService('a'), httpRoute, route], []],
    ['a TCPRoute', [aService('a'), virtualService, tcpRoute], ['TCPRoute edge/t']],
    [
      'an external address',
      [aService('a', { externalIPs: ['192.0.2.1'] }), virtualService],
      ['external address of Service shop/a'],
    ],
  ])('%s', (_case, objects, ways) => {
    expect(rowOf(aWorkload('a'), ...objects).obstacles).toEqual(
      ways.map((way) => `${way} brings requests to it that nothing divides`),
    );
  });

  it('none without a Service: the own pods of a workload without clients change', () => {
    expect(rowOf(aWorkload('a'))).toMatchObject({ strategy: 'Rolling', obstacles: [] });
  });

  it('a port of the node', () => {
    const ports = [{ containerPort: 80, hostPort: 8080 }];
    expect(rowOf(aWorkload('a', { container: { ports } }), aService('a'), virtualService).obstacles).toEqual([
      'port of the node 8080 brings requests to it that nothing divides',
    ]);
  });

  it('names the way in which a plan moves it', () => {
    expect(rowOf(aWorkload('a'), aService('a')).strategy).toBe('Canary');
    const kinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'];
    expect(kinds.map((kind) => rowOf(aWorkload('a', { kind, apiVersion: 'apps/v1' })).strategy)).toEqual([
      'Rolling',
      'Ordered',
      'PerNode',
      null,
    ]);
  });

  it.each([
    ['ReplicationController', 'v1', 'a ReplicationController: it keeps the pods'],
    ['Rollout', 'argoproj.io/v1alpha1', 'a Rollout of Argo Rollouts: Argo Rollouts divides'],
    ['DeploymentConfig', 'apps.openshift.io/v1', 'a DeploymentConfig: OpenShift rolls it out'],
    ['Job', 'batch/v1', 'a Job: its pod template cannot be changed'],
    ['Service', 'serving.knative.dev/v1', 'a Knative Service: Knative makes a revision'],
    ['ReplicaSet', 'apps/v1', 'a bare ReplicaSet: it keeps the pods'],
  ])('the kind %s', (kind, apiVersion, words) => {
    expect(rowOf(aWorkload('a', { kind, apiVersion })).obstacles).toEqual([
      expect.stringContaining(`a plan does not move ${words}`),
    ]);
  });

  it.each(['StatefulSet', 'DaemonSet'])('nothing about a %s, of whose requests nothing is divided', (kind) => {
    const set = aWorkload('a', { kind, apiVersion: 'apps/v1' });
    expect(rowOf(set, aService('a'), route).obstacles).toEqual([]);
  });

  it.each<[string, object, object]>([
    [
      'Argo CD',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/a' } },
      { by: 'Argo CD', name: 'shop' },
    ],
    [
      'Flux',
      { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux' } },
      { by: 'Flux', name: 'flux/apps' },
    ],
    ['Helm', { annotations: { 'meta.helm.sh/release-name': 'shop' } }, { by: 'Helm', name: 'shop' }],
    ['OLM', { labels: { 'olm.owner': 'thing.v1' } }, { by: 'operator', name: 'thing.v1' }],
  ])('an owner: %s', (_case, metadata, owner) => {
    expect(rowOf(aWorkload('a', { metadata })).owner).toEqual(owner);
  });
});

describe('a scan', () => {
  it('goes on past what cannot be read, and names it', () => {
    const broken = anObject({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'b', namespace: 'shop' },
      spec: { template: { spec: { containers: 'none' } } },
    });
    const report = scanOf([shop, broken, aWorkload('a')]);
    expect(report.rows.map(({ name }) => name)).toEqual(['a']);
    expect(report.unreadable).toEqual([
      { source: 'Deployment shop/b', reason: expect.stringContaining('containers') as unknown },
    ]);
    expect(report.totals.unreadable).toBe(1);
  });

  it('names the shipped SCCs that were changed', () => {
    const scc = {
      apiVersion: 'security.openshift.io/v1',
      kind: 'SecurityContextConstraints',
      ...inventoryOf([]).sccs.byName.get('restricted-v2')?.source,
    };
    const { changedDefaults, assumed } = scanOf([shop, anObject({ ...scc, allowHostNetwork: true, priority: 20 })]);
    expect(changedDefaults).toEqual([{ scc: 'restricted-v2', fields: ['allowHostNetwork', 'priority'] }]);
    expect(assumed).not.toContainEqual(expect.stringContaining('default SCCs'));
  });

  it('says the same of a cluster whatever the order in which it was read', () => {
    const objects = [
      shop,
      aWorkload('b'),
      aWorkload('a'),
      aGrant('a', 'anyuid'),
      aService('a'),
      aPod('stray', 'anyuid'),
    ];
    expect(scanOf([...objects].reverse())).toEqual(scanOf(objects));
  });

  it('agrees with every SCC tried on every workload', () => {
    const grants = fc.subarray(['anyuid', 'nonroot-v2', 'hostnetwork-v2', 'privileged', 'hostmount-anyuid']);
    const drawn = fc.array(fc.record({ pod: pods, grants }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(drawn, (all) => {
        const objects = all.flatMap(({ pod, grants: granted }, at) => {
          const template = { metadata: { annotations: {} }, spec: { ...pod.spec, serviceAccountName: `w${at}` } };
          return [
            anObject({
              apiVersion: 'apps/v1',
              kind: 'Deployment',
              metadata: { name: `w${at}`, namespace: 'shop' },
              spec: { template },
            }),
            ...granted.map((scc) => aGrant(`w${at}`, scc)),
          ];
        });
        const report = scanOf([shop, ...objects]);
        const inventory = inventoryOf([shop, ...objects]);
        expect(report.rows).toHaveLength(all.length);
        for (const workload of inventory.workloads) {
          const row = report.rows.find(({ name }) => name === workload.name);
          const given = all[Number(workload.name.slice(1))]?.grants ?? [];
          const namespace = inventory.namespace('shop');
          const facts = { kind: 'Deployment', name: workload.name, namespace, sccs: inventory.sccs } as const;
          const admittedBy = (usable: readonly string[]) =>
            decide(
              {
                operation: 'CREATE',
                pod: podOf(workload.template, facts),
                namespace,
                subjects: { requester: controllerSubject('Deployment') },
                mayUse: (_type, scc) => usable.includes(scc),
              },
              inventory.sccs,
            );
          const [least] = inventory.sccs.ordered
            .filter(({ name }) => admittedBy([name]).decision === 'admitted')
            .sort(compareByPrivilege);
          expect(row?.leastAsIs).toBe(least?.name ?? null);
          const next = admittedBy([...given, 'restricted-v2', 'restricted-v3']);
          expect(row?.nextRestart.scc).toBe(next.decision === 'admitted' ? next.scc : null);
        }
        const counted = Object.values(report.totals.byCategory).reduce((sum, number) => sum + number, 0);
        expect(counted).toBe(all.length);
      }),
      cases(60),
    );
  });
});
