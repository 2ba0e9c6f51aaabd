import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { KubeObject } from '@scc/kube';
import type { MigrationTarget, StoredImage } from '@scc/migration/contract';
import {
  canaryLabels,
  canaryName,
  copyName,
  FIELD_MANAGER,
  FINALIZER,
  grantBindingName,
  GRANTED_BY_ANNOTATION,
  isCanaryObject,
  type MigrationEvent,
  PLAN_TYPE,
  type PlanStatus,
} from '@scc/plan';
import { messageOf, waitFor } from '@scc/runtime';
import { SCC_ANNOTATION } from '@scc/scc';
import { startStack, type Stack } from '../../src/index.js';
import { ownSuites } from './own.fixture.js';
import { useOf, WITHOUT } from './rights.fixture.js';
import { aWorld, type Cluster, clusterOf, createPlan, idIn, type Kind, type World } from './world.fixture.js';

/** The effects of each activity in the API server, when it is called once, twice, and after another client. */

jest.setTimeout(120_000);

let stack: Stack;
let cluster: Cluster;
/** With routes, policies and an autoscaler of its users; and without any route. */
let world: World;
let bare: World;

beforeAll(async () => {
  stack = await startStack({ recordRequests: true, nodes: 2, parts: WITHOUT });
  cluster = await clusterOf(stack);
  [world, bare] = await Promise.all([
    aWorld({ stack, cluster }, 'routed'),
    aWorld({ stack, cluster }, 'bare', { without: ['VirtualService', 'DestinationRule'] }),
  ]);
}, 600_000);
afterAll(async () => {
  cluster.close();
  await stack.stop();
}, 60_000);

const specOf = (object: KubeObject) => object['spec'] as Record<string, unknown>;
const deploymentOf = (object: KubeObject) => object['spec'] as Deployment;
interface Deployment {
  replicas: number;
  selector: { matchLabels: Record<string, string> };
  template: { spec: Record<string, unknown> };
}
const managersOf = ({ metadata }: KubeObject) => metadata.managedFields?.map(({ manager }) => manager);
/** The versions of objects: the same before and after a call that changed nothing. */
const generations = async ({ find }: World, ids: [Kind, string][]) =>
  Promise.all(ids.map(async ([kind, name]) => (await find(kind, name))?.metadata.generation ?? null));

const CANARY: [Kind, string][] = [
  ['Deployment', canaryName('ledger')],
  ['Service', canaryName('ledger')],
  ['PodDisruptionBudget', copyName('ledger')],
  ['NetworkPolicy', copyName('ledger')],
  ['HorizontalPodAutoscaler', copyName('ledger')],
];

describe('the plan', () => {
  it('is held by its finalizer beside those of others, however often it is accepted, and is released', async () => {
    const ref = await createPlan(cluster.admin, 'bare', 'held');
    const id = { ...PLAN_TYPE, namespace: 'bare', name: 'held' };
    await cluster.admin.patch(id, { type: 'merge', body: { metadata: { finalizers: ['example.com/other'] } } });
    const { acceptPlan, releasePlan } = cluster.run({ ref });
    const first = await acceptPlan(ref);
    expect(first).toMatchObject({ accepted: true, plan: { targetSCC: 'restricted-v2' } });
    expect(await acceptPlan(ref)).toEqual(first);
    const held = await cluster.admin.get(id);
    expect(held?.metadata.finalizers).toEqual(expect.arrayContaining([FINALIZER, 'example.com/other']));
    expect(managersOf(held!)).toContain(FIELD_MANAGER);
    await releasePlan(ref);
    await releasePlan(ref);
    expect((await cluster.admin.get(id))?.metadata.finalizers).toEqual(['example.com/other']);
    await cluster.admin.delete(id);
    await expect(acceptPlan(ref)).rejects.toMatchObject({ type: 'PlanGone', nonRetryable: true });
  });

  it('that has the name now is another one, and is neither accepted nor released', async () => {
    const old = await createPlan(cluster.admin, 'bare', 'again');
    await cluster.admin.delete({ ...PLAN_TYPE, ...old });
    const ref = await createPlan(cluster.admin, 'bare', 'again');
    await cluster.run({ ref }).acceptPlan(ref);
    const before = await cluster.admin.get({ ...PLAN_TYPE, ...ref });
    const { acceptPlan, releasePlan } = cluster.run({ ref: old });
    await expect(acceptPlan(old)).rejects.toMatchObject({ type: 'PlanGone' });
    await releasePlan(old);
    const after = await cluster.admin.get({ ...PLAN_TYPE, ...ref });
    expect(after?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
  });

  it('has its status written by one call, with an event for what people look for', async () => {
    const { ref, target, activities } = bare;
    const workload = { kind: 'Deployment' as const, name: target.workload, uid: target.workloadUid };
    const events: MigrationEvent[] = [
      { type: 'FactsGathered', sourceSCC: 'anyuid', targetSCC: 'restricted-v2', pods: [], services: [] },
      { type: 'UndoStarted', cause: 'gate', message: 'too many errors' },
    ];
    const before = cluster.called().length;
    const history = Array.from({ length: 60 }, (_none, index) => ({
      at: new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString(),
      phase: 'Mirroring' as const,
      message: `${index}`,
    }));
    const status: PlanStatus = { phase: 'Mirroring', observedGeneration: 1, message: 'first', history };
    await activities.project(ref, { status, events, workload, unreported: [] });
    expect(cluster.called().slice(before)).toEqual(['patch', 'recordEvent', 'recordEvent']);
    const first = await cluster.admin.get({ ...PLAN_TYPE, ...ref });
    expect(first?.['status']).toMatchObject({ message: 'first', history: history.slice(10) });
    await activities.project(ref, { status: { phase: 'RollingBack' }, events: [], workload, unreported: [] });
    expect(cluster.called().slice(before + 3)).toEqual(['patch']);
    const plan = await cluster.admin.get({ ...PLAN_TYPE, ...ref });
    expect(plan?.['status']).toEqual({ phase: 'RollingBack' });
    const { items } = await cluster.admin.list(
      { apiVersion: 'events.k8s.io/v1', kind: 'Event' },
      { namespace: ref.namespace },
    );
    const seen = items
      .filter(({ metadata, ...event }) => metadata.name?.startsWith('ledger') && event['reason'] === 'UndoStarted')
      .map((event) => ({ type: event['type'], ...(event['regarding'] as { kind: string; uid: string }) }));
    expect(seen).toHaveLength(2);
    expect(seen).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'Warning', kind: PLAN_TYPE.kind, uid: ref.uid }),
        expect.objectContaining({ type: 'Warning', kind: 'Deployment', uid: target.workloadUid }),
      ]),
    );
    expect(items.some((event) => event['reason'] === 'FactsGathered')).toBe(false);
  });

  it('keeps a newer status, and another plan of its name has none of it', async () => {
    const ref = await createPlan(cluster.admin, 'bare', 'overtaken');
    const { project } = cluster.run({ ref });
    const write = (uid: string, status: PlanStatus) =>
      project({ ...ref, uid }, { status, events: [], workload: null, unreported: [] });
    const shown = async () => (await cluster.admin.get({ ...PLAN_TYPE, ...ref }))?.['status'];
    const newest: PlanStatus = { phase: 'TrafficShifting', sequence: 7 };
    await write(ref.uid, newest);
    expect(await write(ref.uid, { phase: 'Mirroring', sequence: 6 })).toMatchObject({ overtaken: 7 });
    expect(await write('another', { phase: 'Migrating', sequence: 8 })).not.toHaveProperty('overtaken');
    expect(await shown()).toEqual(newest);
    await cluster.admin.delete({ ...PLAN_TYPE, ...ref });
  });
});

describe('the assessment', () => {
  it('finds what a migration needs to know and changes nothing', async () => {
    const { activities, ref, plan, read } = world;
    const before = await read('Deployment', 'ledger');
    const written = cluster.written();
    const assessment = await activities.assess(ref, plan);
    expect(assessment).toMatchObject({
      ok: true,
      facts: { sourceSCC: 'anyuid', services: ['ledger'] },
      target: {
        workloadUid: before.metadata.uid,
        replicas: 2,
        templateBefore: deploymentOf(before).template,
        services: [{ name: 'ledger', canary: canaryName('ledger') }],
        autoscalers: [{ minReplicas: 2 }],
      },
      governance: { violations: [] },
    });
    expect(cluster.written()).toEqual(written);
    expect((await read('Deployment', 'ledger')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it('names every reason why a plan cannot be carried out', async () => {
    const { activities, ref, plan } = bare;
    const spec = { ...plan.spec, workloadRef: { ...plan.spec.workloadRef, name: 'absent' } };
    expect(await activities.assess(ref, { ...plan, spec })).toMatchObject({
      ok: false,
      violations: [{ code: 'WorkloadNotFound' }],
    });
  });
});

describe('governance', () => {
  it('answers for a plan that it evaluated, and a step is bound to what was evaluated', async () => {
    const { activities, ref, plan } = bare;
    const assessment = await activities.assess(ref, plan);
    if (!assessment.ok) throw new Error('the plan is not accepted');
    const { contentHash } = assessment.governance;
    expect(await activities.approvalState(ref)).toMatchObject({ status: 'granted' });
    const step = { step: 'Prepare', detail: 'x'.repeat(1000) } as const;
    const answer = await activities.authorizeStep(ref, { ...step, contentHash });
    expect(answer).toMatchObject({ allowed: true, retryAtMs: null, receipts: [{ leafHash: expect.any(String) }] });
    const other = await activities.authorizeStep(ref, { ...step, contentHash: 'of something else' });
    expect(other).toMatchObject({ allowed: false });
    expect(other.reason).not.toBe('');
    const command = { command: 'pause', source: 'signal', input: { reason: 'y'.repeat(5000) } } as const;
    expect((await activities.checkCommand(ref, command)).receipts).toHaveLength(1);
  });

  it('has the last word on a plan that it does not know', async () => {
    const ref = { ...bare.ref, uid: 'nobody-evaluated-this' };
    await expect(bare.activities.approvalState(ref)).rejects.toMatchObject({ type: 'Refused', nonRetryable: true });
  });
});

describe('pre-images', () => {
  it('are recorded once, are loaded as recorded, and show what is different now', async () => {
    const { activities, ref, target, read } = bare;
    const kept = async () => (await cluster.kept(ref.uid)).map(({ key, manifest }) => ({ key, manifest }));
    expect(await kept()).toEqual([]);
    await bare.begin();
    const images = await activities.recordPreImages(target);
    const { manifest } = images.find(({ key }) => key === 'apps/v1|Deployment|bare|ledger')!;
    expect(manifest?.['spec']).toEqual((await read('Deployment', 'ledger'))['spec']);
    expect(images.find(({ key }) => key.endsWith(canaryName('ledger')))?.manifest).toBeNull();
    expect(await activities.compareWithPreImages(target, images)).toEqual([]);

    const budget = idIn('bare', 'HorizontalPodAutoscaler', 'ledger');
    await cluster.admin.patch(budget, { type: 'merge', body: { spec: { maxReplicas: 9 } } });
    expect(await activities.compareWithPreImages(target, images)).toEqual(['HorizontalPodAutoscaler/bare/ledger']);
    // A second recording would show what the migration itself did.
    expect(await activities.recordPreImages(target)).toEqual(images);
    expect(await kept()).toEqual([{ key: 'target', manifest: target }, ...images]);
    await cluster.admin.patch(budget, { type: 'merge', body: { spec: { maxReplicas: 6 } } });
    expect(await activities.compareWithPreImages(target, images)).toEqual([]);
  });
});

const USE_OF_NONROOT = useOf('nonroot');

describe('grants of the target', () => {
  const of = (target: MigrationTarget, targetSCC: string): MigrationTarget => ({ ...target, targetSCC });
  const rolesOf = async (name: string) => (await bare.find('RoleBinding', name))?.['roleRef'];

  it('are made where the ServiceAccount has none, once, and are taken away again', async () => {
    const { activities, ref } = bare;
    const target = of(bare.target, 'nonroot-v2');
    const binding = grantBindingName('nonroot-v2', 'ledger');
    expect(await activities.grantTarget(target, true)).toEqual({ binding, created: true });
    const made = await bare.read('RoleBinding', binding);
    expect(made.metadata.annotations).toMatchObject({ [GRANTED_BY_ANNOTATION]: ref.uid });
    expect(made['subjects']).toMatchObject([{ kind: 'ServiceAccount', name: 'ledger', namespace: 'bare' }]);
    expect(await activities.grantTarget(target, true)).toEqual({ binding, created: true });
    expect((await bare.read('RoleBinding', binding)).metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    await activities.withdrawTargetGrant(target);
    await activities.withdrawTargetGrant(target);
    expect(await bare.find('RoleBinding', binding)).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['serviceAccountName', { serviceAccountName: 'deployer' }, 'deployer'],
    ['the deprecated field alone', { serviceAccountName: null, serviceAccount: 'deployer' }, 'deployer'],
    ['the deprecated field beside the other', { serviceAccount: 'deployer' }, 'ledger'],
    ['neither field', { serviceAccountName: null, serviceAccount: null }, 'default'],
  ])('are made for the ServiceAccount of the patched pods alone: by %s', async (_path, patched, account) => {
    const { plan } = bare;
    const ref = await createPlan(cluster.admin, 'bare', `patched-${crypto.randomUUID()}`);
    const activities = cluster.run({ ref });
    const deployer = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'bare', name: 'deployer' } };
    await cluster.admin.apply(deployer, { fieldManager: 'test' });
    const podSecurity = { ...plan.spec.podSecurity, patch: { spec: patched } };
    const assessment = await activities.assess(ref, {
      ...plan,
      spec: { ...plan.spec, podSecurity, targetSCC: 'nonroot-v2' },
    });
    if (!assessment.ok) throw new Error(JSON.stringify(assessment.violations));
    const { target } = assessment;
    expect(target).toMatchObject({ targetServiceAccount: account, sourceServiceAccount: 'ledger' });
    expect((target.templateAfter['spec'] as { serviceAccountName?: string }).serviceAccountName ?? 'default').toBe(
      account,
    );
    const { binding } = await activities.grantTarget(target, true);
    expect((await bare.read('RoleBinding', binding))['subjects']).toMatchObject([{ name: account }]);
    await activities.withdrawTargetGrant(target);
  });

  it('that exist are used and stay', async () => {
    const target = of(bare.target, 'anyuid');
    expect(await bare.activities.grantTarget(target, true)).toEqual({ binding: 'an existing grant', created: false });
    await bare.activities.withdrawTargetGrant(target);
    expect(await rolesOf('ledger-anyuid')).toMatchObject({ name: 'system:openshift:scc:anyuid' });
  });

  it('are not made for authors who may not make them, also when the ServiceAccount had the right a moment ago', async () => {
    const target = of(bare.target, 'nonroot-v2');
    const binding = grantBindingName('nonroot-v2', 'ledger');
    const name = 'lent-to-ledger';
    const lent = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' };
    await cluster.admin.create({
      ...lent,
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:openshift:scc:nonroot-v2' },
      subjects: [{ kind: 'ServiceAccount', name: 'ledger', namespace: 'bare' }],
    });
    // The authorizer reads it a moment later.
    await waitFor(
      async () =>
        !(await bare.activities.grantTarget(target, false).then(
          (grant) => grant.created,
          () => true,
        )),
      {
        timeoutMs: 30_000,
        what: 'the ServiceAccount to have the right',
      },
    );
    expect(await bare.find('RoleBinding', binding)).toBeUndefined();
    await cluster.admin.delete({ ...lent, name });
    const refusal = async (): Promise<string | null> =>
      bare.activities.grantTarget(target, false).then(
        () => null,
        (error: unknown) => messageOf(error),
      );
    expect(await waitFor(refusal, { timeoutMs: 30_000, what: 'the ServiceAccount to have lost it' })).toContain(
      'those who wrote the plan may not grant it',
    );
    expect(await bare.find('RoleBinding', binding)).toBeUndefined();
  });

  it.each<[string, object[]]>([
    ['more verbs', [{ ...USE_OF_NONROOT, verbs: ['*'] }]],
    ['more names', [{ ...USE_OF_NONROOT, resourceNames: ['nonroot', 'privileged'] }]],
    ['no names, which are all', [{ ...USE_OF_NONROOT, resourceNames: [] }]],
    ['another right beside', [USE_OF_NONROOT, { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]],
  ])('bind no role that gives more than the use of the target: %s', async (_what, rules) => {
    const id = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      name: 'system:openshift:scc:nonroot',
    };
    const before = await cluster.admin.get(id);
    const write = (body: unknown) => cluster.admin.patch(id, { type: 'merge', body: { rules: body } });
    await write(rules);
    const refused = bare.activities.grantTarget(of(bare.target, 'nonroot'), true);
    await expect(refused).rejects.toMatchObject({ type: 'Refused', nonRetryable: true });
    await expect(refused).rejects.toThrow('grants more than the use of nonroot');
    await write(before?.['rules']);
    expect(await bare.find('RoleBinding', grantBindingName('nonroot', 'ledger'))).toBeUndefined();
  });

  it('do not take over a binding of another client that has their name', async () => {
    const name = grantBindingName('hostnetwork', 'ledger');
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    await cluster.admin.create({
      ...idIn('bare', 'RoleBinding', name),
      metadata: { namespace: 'bare', name },
      roleRef,
    });
    const target = of(bare.target, 'hostnetwork');
    const refused = bare.activities.grantTarget(target, true);
    await expect(refused).rejects.toMatchObject({ type: 'Refused', nonRetryable: true });
    await expect(refused).rejects.toThrow(name);
    await bare.activities.withdrawTargetGrant(target);
    expect(await rolesOf(name)).toEqual(roleRef);
  });
});

ownSuites(() => ({ stack, cluster }));

describe('a canary', () => {
  it('is not made over an object of another client, which an undo leaves alone', async () => {
    const { activities, target, read, find } = bare;
    const name = canaryName('ledger');
    const data = { ...idIn('bare', 'Service', name), metadata: { namespace: 'bare', name } };
    await cluster.admin.create({ ...data, spec: { ports: [{ port: 7777 }] } });
    const refused = activities.createCanary(target);
    await expect(refused).rejects.toMatchObject({ type: 'Refused', nonRetryable: true });
    await expect(refused).rejects.toThrow(`Service ${name}`);
    expect(await find('Deployment', name)).toBeUndefined();
    await activities.removeCanary(target);
    expect(specOf(await read('Service', name))['ports']).toMatchObject([{ port: 7777 }]);
    await cluster.admin.delete(idIn('bare', 'Service', name));
  });
});

describe('a migration', () => {
  let images: StoredImage[];
  const routes = async () =>
    (await world.read('VirtualService', 'ledger'))['spec'] as { http: { route: { weight?: number }[] }[] };

  it('makes a canary beside the workload, and no second one', async () => {
    const { activities, target, ref, read } = world;
    await world.begin();
    images = await activities.recordPreImages(target);
    await activities.grantTarget(target, true);
    await activities.confirmAdmission(target);
    await activities.createCanary(target);
    const made = await generations(world, CANARY);
    await activities.createCanary(target);
    expect(await generations(world, CANARY)).toEqual(made);
    for (const [kind, name] of CANARY) {
      const object = await read(kind, name);
      expect(object.metadata.labels).toMatchObject(canaryLabels(ref.name));
      expect(object.metadata.ownerReferences).toMatchObject([{ uid: ref.uid, controller: true }]);
      expect(managersOf(object)).toContain(FIELD_MANAGER);
    }
    const { key, canary } = target.label;
    const deployment = deploymentOf(await read('Deployment', canaryName('ledger')));
    expect(deployment.replicas).toBe(2);
    expect(deployment.selector.matchLabels[key]).toBe(canary);
    const service = specOf(await read('Service', canaryName('ledger')));
    expect(service).toMatchObject({ selector: { [key]: canary } });
    const scaler = specOf(await read('HorizontalPodAutoscaler', copyName('ledger')));
    expect(scaler).toMatchObject({ minReplicas: 2, scaleTargetRef: { name: canaryName('ledger') } });
  });

  it('gives the canary no weight while it has no endpoint for it', async () => {
    const { target, ref } = world;
    const before = await routes();
    const nowhere = { ...target, services: [{ name: 'ledger', canary: 'nothing-there' }] };
    const { setWeights } = cluster.run({ ref, agoMs: 60_000 });
    await expect(setWeights(nowhere, 25)).rejects.toMatchObject({ type: 'NotReady', nonRetryable: true });
    expect(await setWeights(nowhere, 25, { unlessDown: true })).toEqual({ verifiedBy: 'bound' });
    expect(await routes()).toEqual(before);
  });

  it('divides the requests of its users’ routes', async () => {
    const { activities, target } = world;
    const pods = await activities.awaitCanary(target, 60_000);
    expect(pods.map(({ scc }) => scc)).toEqual(['restricted-v2', 'restricted-v2']);
    await activities.prepareRoutes(target);
    await activities.setMirror(target, { percentage: 10, methods: 'Safe' });
    expect(JSON.stringify(await routes())).toContain('mirror');
    expect(await activities.setWeights(target, 25)).toEqual({ verifiedBy: 'bound' });
    const divided = await routes();
    expect(JSON.stringify(divided)).not.toContain('mirror');
    for (const { route } of divided.http) expect(route.map(({ weight }) => weight)).toEqual([75, 25]);
    await activities.setWeights(target, 25);
    expect(await routes()).toEqual(divided);
    await activities.setWeights(target, 100);
  });

  it('changes the template once, under its own name, and not when another client changed it first', async () => {
    const { activities, target, read, namespace } = world;
    const wrong = { ...target, templateBefore: {}, templateAfter: {} };
    await expect(activities.migrateWorkload(wrong)).rejects.toMatchObject({ type: 'WorkloadChanged' });
    await expect(activities.migrateWorkload({ ...target, workloadUid: 'another' })).rejects.toMatchObject({
      type: 'WorkloadChanged',
    });
    const { generation = 0 } = (await read('Deployment', 'ledger')).metadata;
    await activities.migrateWorkload(target);
    await activities.migrateWorkload(target);
    const migrated = await read('Deployment', 'ledger');
    expect(migrated.metadata.generation).toBe(generation + 1);
    expect(deploymentOf(migrated).template).toEqual(target.templateAfter);
    expect(managersOf(migrated)).toContain(FIELD_MANAGER);
    const pods = await activities.awaitWorkload(target, 60_000);
    expect(pods.map(({ scc }) => scc)).toEqual(['restricted-v2', 'restricted-v2']);
    const { items } = await cluster.admin.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace });
    const own = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    expect(own.map(({ metadata }) => metadata.annotations?.[SCC_ANNOTATION])).toEqual(own.map(() => 'restricted-v2'));
  });

  it('brings back no grant that an administrator took away meanwhile', async () => {
    const { activities, target, read, find, namespace } = world;
    const { apiVersion, kind, roleRef, subjects } = await read('RoleBinding', 'ledger-anyuid');
    await cluster.admin.delete(idIn(namespace, 'RoleBinding', 'ledger-anyuid'));
    await activities.restoreSourceGrant(target, [...images, ...(await cluster.kept(target.ref.uid))]);
    expect(await find('RoleBinding', 'ledger-anyuid')).toBeUndefined();
    const metadata = { namespace, name: 'ledger-anyuid' };
    await cluster.admin.create({ apiVersion, kind, metadata, roleRef, subjects });
  });

  it('takes its ServiceAccount out of a shared grant, and gives back that and nothing else', async () => {
    const { activities, target, read, namespace } = world;
    const account = (name: string) => ({ kind: 'ServiceAccount', name, namespace });
    const set = async (...names: string[]) =>
      cluster.admin.replace({ ...(await read('RoleBinding', 'ledger-anyuid')), subjects: names.map(account) });
    const held = async () =>
      ((await read('RoleBinding', 'ledger-anyuid'))['subjects'] as { name: string }[]).map(({ name }) => name);
    await set('ledger', 'neighbour');
    expect(await activities.revokeSource(target, 'Keep')).toMatchObject({ bindings: [] });
    expect(await held()).toEqual(['ledger', 'neighbour']);
    expect(await activities.revokeSource(target, 'Revoke')).toEqual({ bindings: ['ledger-anyuid'], kept: null });
    expect(await held()).toEqual(['neighbour']);
    expect(await activities.revokeSource(target, 'Revoke')).toMatchObject({ bindings: [] });
    await set('neighbour', 'newcomer');
    await activities.restoreSourceGrant(target, await cluster.kept(target.ref.uid));
    await activities.restoreSourceGrant(target, await cluster.kept(target.ref.uid));
    expect(await held()).toEqual(['neighbour', 'newcomer', 'ledger']);
    await set('ledger');
  });

  it('puts the template back and keeps, and names, what another client wrote since', async () => {
    const { activities, target, read, namespace } = world;
    const id = idIn(namespace, 'Deployment', 'ledger');
    const body = { spec: { template: { metadata: { annotations: { note: 'theirs' } } } } };
    await cluster.admin.patch(id, { type: 'merge', body });
    expect(await activities.restoreWorkload(target, images)).toEqual([]);
    const { template } = deploymentOf(await read('Deployment', 'ledger'));
    expect(template).toMatchObject({ metadata: { annotations: { note: 'theirs' } } });
    expect(template.spec).toEqual((target.templateBefore as Deployment['template']).spec);
    await cluster.admin.patch(id, {
      type: 'merge',
      body: { spec: { template: { metadata: { annotations: { note: null } } } } },
    });
    expect(await activities.restoreWorkload({ ...target, workloadUid: 'another' }, images)).toMatchObject([
      { object: 'Deployment ledger', fields: ['metadata.uid'] },
    ]);
    await activities.awaitStable(target);
  });

  it('leaves everything as it was', async () => {
    const { activities, target, namespace, find } = world;
    expect(await activities.setWeights(target, 0)).toEqual({ verifiedBy: 'bound' });
    expect(await activities.restoreRoutes(target, images)).toEqual([]);
    expect(await activities.restoreRoutes(target, images)).toEqual([]);
    await activities.removeCanary(target);
    await activities.removeCanary(target);
    await activities.withdrawTargetGrant(target);
    for (const [kind, name] of CANARY) expect(await find(kind, name)).toBeUndefined();
    expect(await activities.compareWithPreImages(target, images)).toEqual([]);
    const { items } = await cluster.admin.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace });
    const left = items.filter(({ metadata }) => isCanaryObject(metadata) && metadata.deletionTimestamp === undefined);
    expect(left).toEqual([]);
  });
});

describe('without a route of its users', () => {
  it('a route of the migration divides the requests, and goes with it', async () => {
    const { activities, target, find, read } = bare;
    await bare.begin();
    const images = await activities.recordPreImages(target);
    expect(await find('VirtualService', copyName('ledger'))).toBeUndefined();
    await activities.createCanary(target);
    await activities.awaitCanary(target, 60_000);
    await activities.prepareRoutes(target);
    await activities.setWeights(target, 50);
    const { metadata, ...route } = await read('VirtualService', copyName('ledger'));
    expect(metadata.labels).toMatchObject(canaryLabels('ledger'));
    expect(route['spec']).toMatchObject({ http: [{ route: [{ weight: 50 }, { weight: 50 }] }] });
    await activities.setWeights(target, 0);
    expect(await activities.restoreRoutes(target, images)).toEqual([]);
    expect(await find('VirtualService', copyName('ledger'))).toBeUndefined();
    await activities.removeCanary(target);
    expect(await activities.compareWithPreImages(target, images)).toEqual([]);
  });
});
