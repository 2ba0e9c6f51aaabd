import { describe, expect, it } from '@jest/globals';
import { aPod, CONTROLLER, objectReview, podReview } from '../testing/admission.fixture.js';
import { aNamespace, grantOf, type KubeLike, sccRole } from '../testing/cluster.fixture.js';
import { applyPatch } from 'rfc6902';
import { testHooks } from './hook.fixture.js';

const DEPLOYMENT = ['apps', 'v1', 'Deployment', 'deployments'] as const;
const PLAN = ['scc.poc', 'v1', 'SCCMigrationPlan', 'sccmigrationplans'] as const;
const NAMESPACE = ['', 'v1', 'Namespace', 'namespaces'] as const;
const rbac = (kind: string) => ['rbac.authorization.k8s.io', 'v1', kind, `${kind.toLowerCase()}s`] as const;

const deployment = (context: object) => ({
  metadata: { name: 'ledger', namespace: 'shop' },
  spec: {
    replicas: 1,
    template: {
      metadata: { labels: { app: 'ledger' } },
      spec: { containers: [{ name: 'app', securityContext: context }] },
    },
  },
});

describe('templates of workloads', () => {
  it('are foreseen to run under an SCC', async () => {
    const { ask } = await testHooks();
    const answer = await ask('/validate/workloads', objectReview(DEPLOYMENT, { object: deployment({}) }));
    expect(answer).toEqual({ allowed: true, audit: { scc: 'restricted-v2' } });
  });

  it.each([
    ['are warned of by default', {}, {}, true],
    ['are refused where the configuration says so', { workloads: 'deny' as const }, {}, false],
    ['are refused where the namespace says so', {}, { 'scc.poc/workloads': 'deny' }, false],
    [
      'are warned of where the namespace says so',
      { workloads: 'deny' as const },
      { 'scc.poc/workloads': 'warn' },
      true,
    ],
  ])('whose pods no SCC admits %s', async (_case, config, labels, allowed) => {
    const { ask } = await testHooks({ config, objects: [aNamespace('shop', { labels })] });
    const answer = await ask('/validate/workloads', objectReview(DEPLOYMENT, { object: deployment({ runAsUser: 0 }) }));
    expect(answer.allowed).toBe(allowed);
    expect(answer.warnings?.some((line) => line.includes('containers[0].securityContext.runAsUser'))).toBe(true);
  });

  it('say when an update moves pods to another SCC', async () => {
    const { ask } = await testHooks({ objects: [{ ...grantOf('anyuid', 'default') }] });
    const answer = await ask(
      '/validate/workloads',
      objectReview(DEPLOYMENT, {
        operation: 'UPDATE',
        object: deployment({ seccompProfile: { type: 'RuntimeDefault' } }),
        oldObject: deployment({}),
      }),
    );
    expect(answer.warnings).toEqual(['its pods will run under restricted-v2 instead of anyuid']);
  });

  it('of a StatefulSet count its claims, of a CronJob its inner template', async () => {
    const { ask } = await testHooks();
    const { template } = deployment({}).spec;
    const cron = { metadata: { name: 'c' }, spec: { jobTemplate: { spec: { template } } } };
    const answer = await ask(
      '/validate/workloads',
      objectReview(['batch', 'v1', 'CronJob', 'cronjobs'], { object: cron }),
    );
    expect(answer.audit).toEqual({ scc: 'restricted-v2' });
    const claims = { ...deployment({}).spec, volumeClaimTemplates: [{ metadata: { name: 'data' } }] };
    const set = { metadata: { name: 's' }, spec: claims };
    expect(
      await ask('/validate/workloads', objectReview(['apps', 'v1', 'StatefulSet', 'statefulsets'], { object: set })),
    ).toMatchObject({ audit: { scc: 'restricted-v2' } });
  });

  it.each([
    ['StatefulSet', 'statefulsets'],
    ['DaemonSet', 'daemonsets'],
  ])('say of a %s as well when an update moves its pods', async (kind, plural) => {
    const { ask } = await testHooks({ objects: [{ ...grantOf('anyuid', 'default') }] });
    const review = objectReview(['apps', 'v1', kind, plural], {
      operation: 'UPDATE',
      object: deployment({ seccompProfile: { type: 'RuntimeDefault' } }),
      oldObject: deployment({}),
    });
    expect((await ask('/validate/workloads', review)).warnings).toEqual([
      'its pods will run under restricted-v2 instead of anyuid',
    ]);
  });
});

const aPlan = (annotations: Record<string, string>, spec: object = {}) => ({
  apiVersion: 'scc.poc/v1',
  kind: 'SCCMigrationPlan',
  metadata: { name: 'ledger', namespace: 'shop', annotations },
  spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2', ...spec },
});
const AUTHOR = 'scc.poc/author';
const ana = { username: 'ana', groups: ['system:authenticated'] };
const BY_ANA = {
  [AUTHOR]: 'ana',
  'scc.poc/author-uid': '',
  'scc.poc/author-groups': 'system:authenticated',
  'scc.poc/author-extra': '',
};

describe('plans', () => {
  it.each([
    ['that name no author', {}, [{ op: 'add', path: '/metadata/annotations/scc.poc~1author', value: 'ana' }]],
    [
      'that name another author',
      { [AUTHOR]: 'boss' },
      [{ op: 'replace', path: '/metadata/annotations/scc.poc~1author', value: 'ana' }],
    ],
  ])('%s get their author', async (_case, annotations, patch) => {
    const { ask } = await testHooks();
    const answer = await ask('/mutate/plans', objectReview(PLAN, { object: aPlan(annotations), userInfo: ana }));
    expect(answer).toEqual({ allowed: true, patch: expect.arrayContaining(patch) });
  });

  it.each([
    ['changed', { [AUTHOR]: 'eve' }, { [AUTHOR]: 'ana' }],
    ['removed', {}, { [AUTHOR]: 'ana' }],
    ['added later', { [AUTHOR]: 'eve' }, {}],
  ])('keep an author that was %s: put back by the first hook, refused by the second', async (_case, after, before) => {
    const { ask } = await testHooks();
    const review = objectReview(PLAN, {
      operation: 'UPDATE',
      object: aPlan(after),
      oldObject: aPlan(before),
      userInfo: { username: 'eve' },
    });
    expect((await ask('/mutate/plans', review)).patch).toHaveLength(1);
    expect(await ask('/validate/plans', review)).toMatchObject({ allowed: false, code: 422 });
  });

  it('record who creates or edits them with all that is needed to ask for their rights', async () => {
    const { ask } = await testHooks();
    const eve = {
      username: 'eve',
      uid: 'e1',
      groups: ['devs', 'ops'],
      extra: { 'scopes.io': ['a', 'b'], other: ['c'] },
    };
    const marked = async (review: { object: ReturnType<typeof aPlan>; userInfo: object }) => {
      const answer = await ask('/mutate/plans', objectReview(PLAN, review));
      const object = structuredClone(review.object);
      applyPatch(object, [...(answer.patch ?? [])]);
      expect((await ask('/validate/plans', objectReview(PLAN, { ...review, object }))).allowed).toBe(true);
      return object;
    };
    const made = await marked({ object: aPlan({}), userInfo: ana });
    expect(made.metadata.annotations).toEqual(BY_ANA);
    const edited = { ...made, spec: { ...made.spec, targetSCC: 'nonroot-v2' } };
    const update = { operation: 'UPDATE', oldObject: made, userInfo: eve };
    expect((await marked({ ...update, object: edited })).metadata.annotations).toEqual({
      ...BY_ANA,
      'scc.poc/editor': 'eve',
      'scc.poc/editor-uid': 'e1',
      'scc.poc/editor-groups': 'devs\nops',
      'scc.poc/editor-extra': 'other=c\nscopes.io=a\tb',
      'scc.poc/editors': 'eve',
    });
    const later = await marked({ ...update, object: edited });
    const again = { ...later, spec: { ...later.spec, targetSCC: 'nonroot' } };
    const byBob = { ...update, oldObject: later, object: again, userInfo: { username: 'bob', groups: ['devs'] } };
    const { annotations } = (await marked(byBob)).metadata;
    expect(annotations).toMatchObject({ 'scc.poc/editor': 'bob', 'scc.poc/editors': 'eve\nbob' });
    expect(JSON.parse(annotations['scc.poc/earlier-editors'] ?? '')).toEqual([eve]);
    const suspended = { ...made, spec: { ...made.spec, suspend: true } };
    expect((await marked({ ...update, object: suspended })).metadata.annotations).toEqual(BY_ANA);
  });

  it.each(['-uid', '-groups', '-extra'])('are refused with another %s than the caller has', async (part) => {
    const { ask } = await testHooks();
    const object = aPlan({ ...BY_ANA, [`${AUTHOR}${part}`]: 'system:masters' });
    const { message } = await ask('/validate/plans', objectReview(PLAN, { object, userInfo: ana }));
    expect(message).toContain(`${AUTHOR}${part}`);
  });

  it.each<[string, object]>([
    ['a group that would be read as two', { username: 'eve', groups: ['devs\nsystem:masters'] }],
    ['a name that would be read as two editors', { username: 'eve\nbob', groups: [] }],
  ])('are not written by users with %s', async (_what, userInfo) => {
    const { ask } = await testHooks();
    const object = aPlan({});
    applyPatch(object, [...((await ask('/mutate/plans', objectReview(PLAN, { object, userInfo }))).patch ?? [])]);
    expect(await ask('/validate/plans', objectReview(PLAN, { object, userInfo }))).toMatchObject({
      allowed: false,
      message: expect.stringContaining('cannot be recorded unmistakably'),
    });
  });

  it('are refused with every violation at once', async () => {
    const { ask } = await testHooks();
    const object = aPlan(BY_ANA, { traffic: { weights: [50, 10] }, schedule: { notBefore: 'soon' } });
    const { message } = await ask('/validate/plans', objectReview(PLAN, { object, userInfo: ana }));
    for (const field of ['spec.traffic.weights[1]', 'spec.schedule.notBefore']) expect(message).toContain(field);
  });

  it('under way take no other edit than suspend, gates and interval', async () => {
    const { ask } = await testHooks();
    const before = { ...aPlan({ [AUTHOR]: 'ana' }), status: { phase: 'TrafficShifting' } };
    const edited = (spec: object) =>
      objectReview(PLAN, {
        operation: 'UPDATE',
        oldObject: before,
        object: { ...before, spec: { ...before.spec, ...spec } },
      });
    expect((await ask('/validate/plans', edited({ suspend: true }))).allowed).toBe(true);
    expect(await ask('/validate/plans', edited({ targetSCC: 'anyuid' }))).toMatchObject({
      allowed: false,
      message: expect.stringContaining('spec.targetSCC'),
    });
  });

  it('that name what the cluster does not have are warned of', async () => {
    const { ask } = await testHooks();
    const object = aPlan(BY_ANA, { targetSCC: 'unheard-of' });
    expect((await ask('/validate/plans', objectReview(PLAN, { object, userInfo: ana }))).warnings).toHaveLength(2);
  });
});

const binding = (scc: string, subjects: object[], namespace?: string): KubeLike => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
  metadata: { name: 'wide', ...(namespace ? { namespace } : {}) },
  roleRef: { kind: 'ClusterRole', name: `system:openshift:scc:${scc}` },
  subjects,
});
const group = (name: string) => ({ kind: 'Group', name });
const account = (name: string) => ({ kind: 'ServiceAccount', name, namespace: 'shop' });

describe('grants of SCCs', () => {
  it.each([
    ['privileged to all ServiceAccounts of a namespace', 'privileged', [group('system:serviceaccounts:shop')], false],
    ['privileged to everybody', 'privileged', [group('system:authenticated')], false],
    ['hostnetwork-v2 to every ServiceAccount', 'hostnetwork-v2', [group('system:serviceaccounts')], false],
    ['privileged to one ServiceAccount', 'privileged', [account('agent')], true],
    ['anyuid to all ServiceAccounts of a namespace', 'anyuid', [group('system:serviceaccounts:shop')], true],
  ])('%s: allowed %#', async (_case, scc, subjects, allowed) => {
    const { ask } = await testHooks();
    for (const namespace of ['shop', undefined]) {
      const kind = namespace ? 'RoleBinding' : 'ClusterRoleBinding';
      expect(
        (await ask('/validate/grants', objectReview(rbac(kind), { object: binding(scc, subjects, namespace) })))
          .allowed,
      ).toBe(allowed);
    }
  });

  it('that existed before are not held against another edit', async () => {
    const { ask } = await testHooks();
    const before = binding('privileged', [group('system:authenticated')], 'shop');
    const object = binding('privileged', [group('system:authenticated'), account('agent')], 'shop');
    expect(
      (
        await ask(
          '/validate/grants',
          objectReview(rbac('RoleBinding'), { operation: 'UPDATE', object, oldObject: before }),
        )
      ).allowed,
    ).toBe(true);
  });

  it('in namespaces that are not enforced are not looked at', async () => {
    const { ask } = await testHooks({ objects: [aNamespace('free', { labels: { 'scc.poc/enforce': 'false' } })] });
    const object = binding('privileged', [group('system:authenticated')], 'free');
    expect(
      (await ask('/validate/grants', objectReview(rbac('RoleBinding'), { object, namespace: 'free' }))).allowed,
    ).toBe(true);
  });

  it('that a role gains by an edit count for everybody who holds it', async () => {
    const { ask } = await testHooks({
      objects: [
        { ...sccRole('anyuid'), metadata: { name: 'shared' } },
        {
          ...binding('anyuid', [group('system:authenticated')]),
          roleRef: { kind: 'ClusterRole', name: 'shared' },
        },
      ],
    });
    const object = { ...sccRole('privileged'), metadata: { name: 'shared' } };
    const oldObject = { ...sccRole('anyuid'), metadata: { name: 'shared' } };
    expect(
      (await ask('/validate/grants', objectReview(rbac('ClusterRole'), { operation: 'UPDATE', object, oldObject })))
        .allowed,
    ).toBe(false);
  });

  it('of a guarded SCC are for the named subjects alone', async () => {
    const guarded = new Map([['anyuid', new Set(['system:serviceaccount:shop:database'])]]);
    const { ask } = await testHooks({ config: { guarded } });
    const to = (name: string) =>
      objectReview(rbac('RoleBinding'), { object: binding('anyuid', [account(name)], 'shop') });
    expect((await ask('/validate/grants', to('database'))).allowed).toBe(true);
    expect((await ask('/validate/grants', to('web'))).message).toContain(
      'kept for system:serviceaccount:shop:database; whoever runs the webhook says so in WEBHOOK_GUARDED_SCCS',
    );
  });

  const SCC = ['security.openshift.io', 'v1', 'SecurityContextConstraints', 'securitycontextconstraints'] as const;
  it('in an SCC itself count, and an SCC that contradicts itself is refused', async () => {
    const { ask } = await testHooks();
    const scc = {
      metadata: { name: 'mine' },
      allowPrivilegedContainer: true,
      runAsUser: { type: 'RunAsAny' },
      seLinuxContext: { type: 'RunAsAny' },
      groups: ['system:authenticated'],
    };
    expect(await ask('/validate/grants', objectReview(SCC, { object: scc }))).toMatchObject({
      allowed: false,
      message: expect.stringContaining('system:authenticated'),
    });
    const broken = { ...scc, groups: [], priority: -1 };
    expect(await ask('/validate/grants', objectReview(SCC, { object: broken }))).toMatchObject({
      allowed: false,
      code: 422,
    });
  });
});

describe('namespaces', () => {
  const edit = (labels: object, annotations: object = {}) =>
    objectReview(NAMESPACE, {
      operation: 'UPDATE',
      oldObject: aNamespace('shop'),
      object: aNamespace('shop', { labels, annotations }),
      userInfo: ana,
      namespace: 'shop',
    });

  it.each([
    ['leave admission', edit({ 'scc.poc/enforce': 'false' })],
    ['call themselves part of the system', edit({ 'openshift.io/run-level': '0' })],
    ['disable admission', edit({ 'security.openshift.io/disable-securitycontextconstraints': 'true' })],
    ['choose root for themselves', edit({}, { 'openshift.io/sa.scc.uid-range': '0/10000' })],
  ])('may not %s without the right to it', async (_case, review) => {
    const refusing = await testHooks();
    expect(await refusing.ask('/validate/namespaces', review)).toMatchObject({
      allowed: false,
      message: expect.stringMatching(
        / takes the right to update namespaceenforcements\.scc\.poc for this namespace, which an administrator of the cluster can give$/,
      ) as unknown,
    });
    const allowing = await testHooks({ mayChange: () => Promise.resolve(true) });
    expect((await allowing.ask('/validate/namespaces', review)).allowed).toBe(true);
  });

  it('change anything else without a question', async () => {
    const { ask } = await testHooks({ mayChange: () => Promise.reject(new Error('asked')) });
    expect((await ask('/validate/namespaces', edit({ team: 'shop' }))).allowed).toBe(true);
  });

  it('stay as they are when it is unknown who may change them', async () => {
    const { outcome } = await testHooks({ mayChange: () => new Promise(() => undefined) });
    expect(await outcome('/validate/namespaces', edit({ 'scc.poc/enforce': 'no' }), 20)).toHaveProperty('undecided');
  });
});

describe('exec', () => {
  const stored = (context: object): KubeLike => ({
    ...aPod({ spec: { containers: [{ name: 'app', securityContext: context }] } }),
    kind: 'Pod',
    metadata: { name: 'one', namespace: 'shop' },
  });
  const execBy = (user: object) =>
    podReview(
      { kind: 'PodExecOptions', command: ['sh'] },
      {
        operation: 'CONNECT',
        kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
        subResource: 'exec',
        name: 'one',
        userInfo: user,
      },
    );

  it('is for those who could have created the pod', async () => {
    const harmless = await testHooks({ objects: [stored({})] });
    expect((await harmless.ask('/validate/exec', execBy(ana))).allowed).toBe(true);
    const dangerous = await testHooks({ objects: [stored({ privileged: true })] });
    expect((await dangerous.ask('/validate/exec', execBy(ana))).message).toMatch(
      /^exec operation is not allowed because the pod's security context exceeds your permissions/,
    );
    expect(
      (await dangerous.ask('/validate/exec', execBy({ username: 'root', groups: ['system:masters'] }))).allowed,
    ).toBe(true);
  });

  it('into a pod that is not known is not decided', async () => {
    const { outcome } = await testHooks();
    expect(await outcome('/validate/exec', execBy(ana))).toHaveProperty('undecided');
  });
});

describe('pods beside OpenShift', () => {
  const owner = (kind: string, name: string) => [{ apiVersion: 'apps/v1', kind, name, uid: name, controller: true }];
  const replicaSet = {
    kind: 'ReplicaSet',
    metadata: { name: 'ledger-5d4f', namespace: 'shop', ownerReferences: owner('Deployment', 'ledger') },
    spec: { template: { spec: { serviceAccountName: 'ledger', containers: [{ name: 'app' }] } } },
  } as KubeLike;
  const plan = { ...aPlan({}), status: { phase: 'TrafficShifting', sourceSCC: 'anyuid' } } as KubeLike;
  const defaulted = aPod({
    metadata: {
      ownerReferences: owner('ReplicaSet', 'ledger-5d4f'),
      annotations: { 'openshift.io/scc': 'restricted-v2' },
    },
  });
  const objects = [replicaSet, plan, grantOf('anyuid', 'ledger')];

  it('of a workload under migration keep to its source; of the canary to the target', async () => {
    const { ask } = await testHooks({ config: { mode: 'openshift' }, objects });
    expect((await ask('/mutate/pods', podReview(defaulted))).audit).toEqual({ pin: 'anyuid', plan: 'ledger' });
    const canary = aPod({
      metadata: {
        labels: { 'scc.poc/plan': 'ledger', 'scc.poc/role': 'canary' },
        annotations: { 'openshift.io/scc': 'anyuid' },
      },
    });
    expect((await ask('/mutate/pods', podReview(canary))).audit).toEqual({ pin: 'restricted-v2', plan: 'ledger' });
  });

  it('of others, and of migrations that are over, are left alone', async () => {
    const over = { ...plan, status: { phase: 'Completed', sourceSCC: 'anyuid' } } as KubeLike;
    const { ask } = await testHooks({ config: { mode: 'openshift' }, objects: [replicaSet, over] });
    expect(await ask('/mutate/pods', podReview(defaulted))).toEqual({ allowed: true });
  });

  it('are never refused, only compared', async () => {
    const { ask } = await testHooks({ config: { mode: 'openshift' } });
    const answer = await ask('/validate/pods', podReview(aPod(), { userInfo: CONTROLLER }));
    expect(answer).toMatchObject({ allowed: true, audit: { drift: expect.any(String) } });
  });
});
