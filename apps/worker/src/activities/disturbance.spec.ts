import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import { copyName, FIELD_MANAGER, isRecord } from '@scc/plan';
import { preImageKeyOf } from '../cluster/objects.js';
import { canaryActivities } from './canary.js';
import { disturbanceOf, tooSmall } from './disturbance.js';

const namespace = 'shop';
const NETWORK = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };
const BUDGET = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' };
const SCALER = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment' };
const SERVICE = { apiVersion: 'v1', kind: 'Service' };
const labels = { app: 'ledger' };

const template = (scc: string | null, image = 'ledger:1') => ({
  metadata: { labels, ...(scc === null ? {} : { annotations: { 'openshift.io/required-scc': scc } }) },
  spec: { serviceAccountName: 'ledger', securityContext: { runAsUser: 7 }, containers: [{ name: 'app', image }] },
});
const before = template(null);
const after = template('restricted-v2');
const keyOf = (kind: { apiVersion: string; kind: string }, name: string): string =>
  preImageKeyOf({ ...kind, namespace, name });
const target: MigrationTarget = {
  ...aWholeTarget(),
  ref: { namespace, name: 'move', uid: 'u1' },
  workload: 'ledger',
  workloadUid: 'w1',
  canary: 'ledger-scc-canary',
  replicas: 3,
  services: [{ name: 'ledger', canary: 'ledger-scc-canary' }],
  templateBefore: before,
  templateAfter: after,
  policies: [keyOf(NETWORK, 'ledger'), keyOf(BUDGET, 'ledger')],
  autoscalers: [{ key: keyOf(SCALER, 'ledger'), minReplicas: 1 }],
};

const users = (kind: { apiVersion: string; kind: string }, spec: object): KubeObject => ({
  ...kind,
  metadata: { namespace, name: 'ledger', uid: 'w1', labels, managedFields: [{ manager: 'gitops' }] },
  spec,
});
const objects = (): KubeObject[] => [
  users(DEPLOYMENT, { replicas: 3, selector: { matchLabels: labels }, template: before }),
  users(SERVICE, { selector: labels, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }] }),
  users(NETWORK, {
    podSelector: { matchLabels: labels },
    ingress: [{ from: [{ podSelector: { matchLabels: labels } }] }],
  }),
  users(BUDGET, { maxUnavailable: 1, selector: { matchLabels: labels } }),
  users(SCALER, { minReplicas: 1, maxReplicas: 5, scaleTargetRef: { ...DEPLOYMENT, name: 'ledger' } }),
];

const fieldsOf = (value: unknown): object =>
  isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [`f:${key}`, fieldsOf(item)])) : {};
const writer = (body: object) => ({ manager: 'mallory', fieldsV1: fieldsOf(body) });

/** A cluster of these objects, as far as a canary is made in it. */
function clusterOf(items: KubeObject[]) {
  const stored = new Map(
    items.map((item) => [preImageKeyOf({ ...item, namespace, name: item.metadata.name ?? '' }), item]),
  );
  const merge = (into: unknown, change: unknown): unknown =>
    isRecord(into) && isRecord(change)
      ? { ...into, ...Object.fromEntries(Object.entries(change).map(([key, item]) => [key, merge(into[key], item)])) }
      : change;
  const write = (object: KubeObject) => {
    const made = { ...object, metadata: { ...object.metadata, managedFields: [{ manager: FIELD_MANAGER }] } };
    stored.set(preImageKeyOf({ ...made, namespace, name: made.metadata.name ?? '' }), made);
    return Promise.resolve(made);
  };
  const kube: Pick<KubeClient, 'get' | 'apply' | 'create' | 'patch'> = {
    get: (id) => Promise.resolve(stored.get(preImageKeyOf(id))),
    apply: write,
    create: write,
    patch: (id, { body }) => {
      const patched = merge(stored.get(preImageKeyOf(id)), body) as KubeObject;
      stored.set(preImageKeyOf(id), patched);
      return Promise.resolve(patched);
    },
  };
  return {
    kube: kube as KubeClient,
    remove: (id: ObjectId) => stored.delete(preImageKeyOf(id)),
    change: (id: ObjectId, body: object) =>
      kube.patch({ ...id }, { type: 'merge', body: merge({ metadata: { managedFields: [writer(body)] } }, body) }),
  };
}

async function running() {
  const cluster = clusterOf(objects());
  await canaryActivities(cluster.kube).createCanary(target);
  return cluster;
}

const id = (kind: { apiVersion: string; kind: string }, name = 'ledger'): ObjectId => ({ ...kind, namespace, name });
const CANARY = 'ledger-scc-canary';
const COPY = copyName('ledger');
const at = (weight: number) => ({ weight, isReturned: false });

describe('disturbanceOf', () => {
  it.each([0, 10, 100])('finds nothing at %d %% where no other client wrote', async (weight) => {
    const { kube } = await running();
    expect(await disturbanceOf(kube, target, at(weight))).toBeNull();
  });

  it.each<[string, ObjectId, RegExp]>([
    ['the workload', id(DEPLOYMENT), /^Deployment ledger was deleted or replaced/],
    ["the canary's Deployment", id(DEPLOYMENT, CANARY), /^Deployment ledger-scc-canary was deleted/],
    ["the user's Service", id(SERVICE), /^Service ledger was deleted/],
    ["the canary's Service", id(SERVICE, CANARY), /^Service ledger-scc-canary was deleted/],
    ['a policy', id(NETWORK), /^NetworkPolicy ledger was deleted/],
    ['the copy of a policy', id(NETWORK, COPY), /^NetworkPolicy ledger-\S+ was deleted/],
    ['a disruption budget', id(BUDGET), /^PodDisruptionBudget ledger was deleted/],
    ['the autoscaler', id(SCALER), /^HorizontalPodAutoscaler ledger was deleted/],
    ["the canary's autoscaler", id(SCALER, COPY), /^HorizontalPodAutoscaler ledger-\S+ was deleted/],
  ])('names %s when it was deleted, at any weight', async (_what, gone, expected) => {
    const { kube, remove } = await running();
    remove(gone);
    for (const weight of [0, 50, 100]) expect(await disturbanceOf(kube, target, at(weight))).toMatch(expected);
  });

  it.each<[string, ObjectId, object, RegExp]>([
    [
      'deploys another image',
      id(DEPLOYMENT),
      { spec: { template: template(null, 'ledger:2') } },
      /pod template of ledger/,
    ],
    [
      'restarts the workload',
      id(DEPLOYMENT),
      { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } } },
      /pod template of ledger/,
    ],
    ['pauses the workload', id(DEPLOYMENT), { spec: { paused: true } }, /changed Deployment ledger \(spec.paused\)/],
    ['makes the workload again', id(DEPLOYMENT), { metadata: { uid: 'w2' } }, /deleted or replaced/],
    ['scales the canary down', id(DEPLOYMENT, CANARY), { spec: { replicas: 1 } }, /spec.replicas: 1 instead of 3/],
    ['pauses the canary', id(DEPLOYMENT, CANARY), { spec: { paused: true } }, /spec.paused/],
    [
      'changes what the canary runs',
      id(DEPLOYMENT, CANARY),
      { spec: { template: { spec: { containers: [{ name: 'app', image: 'x' }] } } } },
      /changed Deployment ledger-scc-canary \(spec.template\)/,
    ],
    [
      'changes how the canary runs it',
      id(DEPLOYMENT, CANARY),
      { spec: { template: { spec: { containers: [{ name: 'app', image: 'ledger:1', command: ['sh'] }] } } } },
      /changed Deployment ledger-scc-canary \(spec.template\)/,
    ],
    [
      'gives the canary a container more',
      id(DEPLOYMENT, CANARY),
      { spec: { template: { spec: { initContainers: [{ name: 'first', image: 'x' }] } } } },
      /changed Deployment ledger-scc-canary \(spec.template\)/,
    ],
    [
      "takes the canary's user away",
      id(DEPLOYMENT, CANARY),
      { spec: { template: { spec: { securityContext: { runAsUser: null } } } } },
      /changed Deployment ledger-scc-canary \(spec.template\)/,
    ],
    [
      'takes the marks of the canary away',
      id(SERVICE, CANARY),
      { metadata: { labels: { 'scc.poc/plan': 'other' } } },
      /metadata/,
    ],
    [
      'leads the Service elsewhere',
      id(SERVICE),
      { spec: { selector: { app: 'other' } } },
      /changed Service ledger \(spec.selector/,
    ],
    [
      'narrows the Service',
      id(SERVICE),
      { spec: { selector: { zone: 'a' } } },
      /changed Service ledger \(spec.selector/,
    ],
    [
      "leads the canary's Service elsewhere",
      id(SERVICE, CANARY),
      { spec: { selector: { app: 'ledger' } } },
      /Service ledger-scc-canary \(spec.selector/,
    ],
    [
      'changes a port',
      id(SERVICE),
      { spec: { ports: [{ port: 80, targetPort: 9090, protocol: 'TCP' }] } },
      /changed Service ledger \(spec.ports/,
    ],
    ['changes a policy', id(NETWORK), { spec: { ingress: [] } }, /changed NetworkPolicy ledger \(spec/],
    [
      'opens the copy of a policy',
      id(NETWORK, COPY),
      { spec: { ingress: [{}] } },
      /changed NetworkPolicy ledger-\S+ \(spec/,
    ],
    ['tightens a disruption budget', id(BUDGET), { spec: { maxUnavailable: 0 } }, /PodDisruptionBudget ledger/],
    [
      'writes the minimum of the autoscaler back',
      id(SCALER),
      { spec: { minReplicas: 1 } },
      /spec.minReplicas: 1 instead of 3/,
    ],
  ])('names who %s, at any weight', async (_what, of, change, expected) => {
    const cluster = await running();
    await cluster.change(of, change);
    for (const weight of [0, 50, 100]) {
      const found = await disturbanceOf(cluster.kube, target, at(weight));
      expect(found).toMatch(expected);
      if (!expected.source.includes('replaced')) expect(found).toMatch(/^mallory /);
    }
  });

  it('takes the migrated template for what it is, and one that went back once requests return', async () => {
    const cluster = await running();
    expect(await disturbanceOf(cluster.kube, target, { weight: 0, isReturned: true })).toMatch(/pod template/);
    await cluster.change(id(DEPLOYMENT), { spec: { template: after } });
    for (const isReturned of [false, true])
      expect(await disturbanceOf(cluster.kube, target, { weight: 50, isReturned })).toBeNull();
  });

  it('flagger#634, #1157, #1504: lets the workload and the canary be scaled up by whoever does so', async () => {
    const cluster = await running();
    await cluster.change(id(DEPLOYMENT), { spec: { replicas: 5 } });
    await cluster.change(id(DEPLOYMENT, CANARY), { spec: { replicas: 5 } });
    expect(await disturbanceOf(cluster.kube, target, at(100))).toBeNull();
  });

  it('asks for no more of a canary than its share needs', async () => {
    const { kube } = await running();
    const small = { ...target, canaryReplicas: 'Weight' as const };
    expect(await disturbanceOf(kube, small, at(100))).toBeNull();
  });
});

describe('tooSmall', () => {
  const sized = (replicas: number) => users(DEPLOYMENT, { replicas, selector: {}, template: before });
  it.each<[string, number, { weight: number; isReturned: boolean }, boolean]>([
    ['to nothing while the canary serves everything', 0, at(100), true],
    ['to one while the canary serves everything', 1, at(100), true],
    ['below its share', 1, at(25), true],
    ['to what its share needs', 2, at(25), false],
    ['up', 5, at(100), false],
    ['down after requests have returned', 2, { weight: 0, isReturned: true }, true],
    ['down while it is mirrored', 2, at(0), true],
  ])('says so of a workload that was scaled %s: %d of 3', (_what, replicas, stage, expected) => {
    const said = tooSmall(sized(replicas), target, stage);
    expect(said !== null).toBe(expected);
    if (said) expect(said).toContain(`ledger was scaled from 3 to ${replicas}`);
  });
});

it("reaches the canary's pods by the addresses, and as near, as those of the workload", async () => {
  const reached = {
    ipFamilyPolicy: 'RequireDualStack',
    ipFamilies: ['IPv6', 'IPv4'],
    trafficDistribution: 'PreferClose',
  };
  const given = { clusterIP: 'fd00::1', clusterIPs: ['fd00::1', '10.0.0.1'], internalTrafficPolicy: 'Cluster' };
  const service = users(SERVICE, { ...reached, ...given, selector: labels, ports: [{ port: 80 }] });
  const { kube } = clusterOf([...objects().filter(({ kind }) => kind !== 'Service'), service]);
  await canaryActivities(kube).createCanary(target);
  expect(await kube.get(id(SERVICE, CANARY))).toMatchObject({ spec: reached });
  expect(Object.keys((await kube.get(id(SERVICE, CANARY)))?.['spec'] as object)).not.toContain('clusterIP');
});
