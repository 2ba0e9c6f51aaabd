import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import type { ClusterApi, Stack } from '../../src/index.js';
import { renderChart } from '../../src/chart/render.js';
import { refusalOf } from '../../src/webhook.fixture.js';

/** The policies that hold in the cluster while the webhook is away: none is installed here. */
let stack: Stack;
const callers = new Map<string, ClusterApi>();
const RBAC = 'rbac.authorization.k8s.io';

async function callerFor(namespace: string, name: string): Promise<ClusterApi> {
  const api = stack.apiAs(await stack.token({ namespace, name }));
  callers.set(name, api);
  return api;
}
const as = (name: string): ClusterApi => {
  const api = callers.get(name);
  if (!api) throw new Error(`there is no caller ${name}`);
  return api;
};
const userOf = (name: string): string => `system:serviceaccount:shop:${name}`;

const rule = (apiGroup: string, resource: string, verbs: string[], names?: string[]) => ({
  apiGroups: [apiGroup],
  resources: [resource],
  verbs,
  ...(names ? { resourceNames: names } : {}),
});
const PLANS = rule('scc.poc', 'sccmigrationplans', ['create', 'get', 'update', 'patch', 'delete']);
const DEPLOYMENT = rule('apps', 'deployments', ['update'], ['ledger']);
const USE = (scc: string) => rule('security.openshift.io', 'securitycontextconstraints', ['use'], [scc]);

async function account(name: string, rules: object[]): Promise<void> {
  const metadata = { name, namespace: 'shop' };
  await stack.api.create('/api/v1/namespaces/shop/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata,
  });
  const root = `/apis/${RBAC}/v1/namespaces/shop`;
  await stack.api.create(`${root}/roles`, { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules });
  await stack.api.create(`${root}/rolebindings`, {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC, kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  });
  await callerFor('shop', name);
}

const policiesOfTheChart = (): Promise<string> =>
  renderChart([
    ...['--set', 'tryout=true', '--set', 'admissionPolicies.enabled=true'],
    ...['plans', 'identities', 'dry-runs', 'governance'].flatMap((name) => [
      '--show-only',
      `templates/policies/${name}.yaml`,
    ]),
  ]);

const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const NAMES = [
  'plan-authority.scc.poc',
  'campaign-authority.scc.poc',
  'worker-confinement.scc.poc',
  'dry-runs.scc.poc',
  'governance-confinement.scc.poc',
];

const MAPS = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;
const aMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const DEPLOYMENTS = '/apis/apps/v1/namespaces/elsewhere/deployments?dryRun=All';
const aDeployment = () => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'canary' },
  spec: {
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
  },
});

const AT = '/apis/scc.poc/v1/namespaces/shop/sccmigrationplans';
const aPlan = (name: string, annotations: Record<string, string> = {}, spec: object = {}) => ({
  apiVersion: 'scc.poc/v1',
  kind: 'SCCMigrationPlan',
  metadata: { name, annotations },
  spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2', ...spec },
});
const create = (name: string, plan: object, query = ''): Promise<unknown> => as(name).create(`${AT}${query}`, plan);
const by = (name: string) => ({ 'scc.poc/author': userOf(name) });
const patch = (who: string, name: string, body: object): Promise<unknown> => as(who).merge(`${AT}/${name}`, body);

export function policies(stackOf: () => Stack): void {
  beforeAll(async () => {
    stack = stackOf();
    for (const [name, labels] of [
      ['shop', { 'scc.poc/managed': 'true' }],
      ['elsewhere', {}],
    ] as const)
      await stack.api.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    await account('owner', [PLANS, DEPLOYMENT, USE('anyuid')]);
    await account('second', [PLANS, DEPLOYMENT]);
    await account('mallory', [PLANS]);
    await account('pusher', [PLANS, DEPLOYMENT]);
    await account('wild', [PLANS, rule('*', '*', ['*'])]);
    await account('another', [PLANS, rule('apps', 'deployments', ['*'], ['ledger-2']), USE('anyuid')]);
    await callerFor('scc-system', 'worker');
    await callerFor('scc-system', 'governance');
    await stack.apply(await policiesOfTheChart());
    await stack.api.create(`/apis/${RBAC}/v1/clusterrolebindings`, {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'dry-run' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'dry-run', namespace: 'scc-system' }],
    });
    await callerFor('scc-system', 'dry-run');
    // A policy takes effect a moment after it is stored.
    await waitFor(async () => (await refusalOf(as('dry-run').create(MAPS('shop'), aMap('wet')))) !== undefined, {
      timeoutMs: 30_000,
      what: 'the policies to take effect',
    });
    await waitFor(async () => (await refusalOf(create('mallory', aPlan('probe'), '?dryRun=All'))) !== undefined, {
      timeoutMs: 30_000,
      what: 'the policies to take effect',
    });
    await waitFor(async () => (await refusalOf(as('worker').create(DEPLOYMENTS, aDeployment()))) !== undefined, {
      timeoutMs: 30_000,
      what: 'the policies to take effect',
    });
    // Helm is built first where no machine has it yet.
  }, 900_000);
  afterAll(async () => {
    for (const name of NAMES) {
      await stack.api.call('DELETE', `${POLICIES.replace('policies', 'policybindings')}/${name}`);
      await stack.api.call('DELETE', `${POLICIES}/${name}`);
    }
    await waitFor(
      async () => {
        const refused = await Promise.all([
          refusalOf(as('dry-run').create(MAPS('shop'), aMap('free'))),
          refusalOf(create('mallory', aPlan('free'))),
          refusalOf(as('worker').create(DEPLOYMENTS, aDeployment())),
        ]);
        return refused.every((why) => why === undefined || why.includes(' 409 '));
      },
      { timeoutMs: 30_000, what: 'the policies to have no effect' },
    );
  }, 60_000);

  describe('a policy of plans', () => {
    it.each(NAMES)('%s holds no expression that the API server warns of', async (name) => {
      const policy = (await stack.api.get(`${POLICIES}/${name}`)) as { status?: { typeChecking?: object } };
      expect(policy.status?.typeChecking ?? {}).toEqual({});
    });

    it('lets an author do what they could do by hand', async () => {
      expect(await refusalOf(create('owner', aPlan('narrow', by('owner'))))).toBeUndefined();
      expect(await refusalOf(create('owner', aPlan('wide', by('owner'), { targetSCC: 'anyuid' })))).toBeUndefined();
    });

    it.each([
      ['without an author', 'owner', aPlan('x'), 'Set it to'],
      ['in the name of a colleague', 'owner', aPlan('x', by('second')), 'creates this plan'],
      [
        'with groups that the caller is not in',
        'owner',
        aPlan('x', { ...by('owner'), 'scc.poc/author-groups': 'system:masters' }),
        'record another identity than yours',
      ],
      [
        'with an extra that the caller does not have',
        'owner',
        aPlan('x', { ...by('owner'), 'scc.poc/author-extra': 'scopes.authorization.openshift.io=user:full' }),
        'record another identity than yours',
      ],
      ['by one who may only write plans', 'mallory', aPlan('x', by('mallory')), 'may not update Deployment ledger'],
      [
        'to an SCC that the author may not use',
        'pusher',
        aPlan('x', by('pusher'), { targetSCC: 'anyuid' }),
        'may not use SCC anyuid',
      ],
    ])('refuses a plan %s', async (_what, who, plan, words) => {
      expect(await refusalOf(create(who, plan))).toContain(words);
    });

    it('takes wildcards for every right, and a name for that name alone', async () => {
      expect(await refusalOf(create('wild', aPlan('wild', by('wild'), { targetSCC: 'anyuid' })))).toBeUndefined();
      expect(await refusalOf(create('another', aPlan('x', by('another'))))).toContain(
        'may not update Deployment ledger',
      );
    });

    it('asks of a plan whose name the server makes what it asks of any', async () => {
      const { metadata, ...plan } = aPlan('x', by('mallory'));
      const unnamed = { ...plan, metadata: { annotations: metadata.annotations, generateName: 'made-' } };
      expect(await refusalOf(create('mallory', unnamed))).toContain('may not update Deployment ledger');
    });

    it.each([
      ['with a letter that looks alike', 'system:serviceaccount:shop:оwner'],
      ['with a space that is not seen', 'system:serviceaccount:shop:owner\u200b'],
      ['in capitals', 'system:serviceaccount:shop:Owner'],
    ])('takes no name for another: %s', async (_how, author) => {
      expect(await refusalOf(create('owner', aPlan('x', { 'scc.poc/author': author })))).toContain('creates this plan');
    });

    it('lets the worker make plans for campaigns, and nobody else', async () => {
      const worker = { 'scc.poc/author': 'system:serviceaccount:scc-system:worker' };
      const marks = { 'scc.poc/campaign-name': 'c', 'scc.poc/campaign-uid': 'u', 'scc.poc/campaign-author': 'owner' };
      const refused = 'say for which campaign the worker made a plan';
      expect(await refusalOf(create('owner', aPlan('x', { ...by('owner'), ...marks })))).toContain(refused);
      expect(await refusalOf(create('worker', aPlan('x', worker)))).toContain(refused);
      expect(await refusalOf(create('worker', aPlan('of-campaign', { ...worker, ...marks })))).toBeUndefined();
      const other = { metadata: { annotations: { 'scc.poc/campaign-uid': 'v' } } };
      expect(await refusalOf(patch('owner', 'of-campaign', other))).toContain(refused);
    });

    it('lets no campaign be created, or its waves approved, in the name of another', async () => {
      const campaigns = '/apis/scc.poc/v1/sccmigrationcampaigns';
      const campaign = (annotations: object, spec: object = {}) => ({
        apiVersion: 'scc.poc/v1',
        kind: 'SCCMigrationCampaign',
        metadata: { name: 'fleet', annotations },
        spec: { selector: {}, ...spec },
      });
      expect(await refusalOf(stack.api.create(campaigns, campaign(by('owner'))))).toContain('creates this campaign');
      const me = (await stack.api.create('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      })) as { status: { userInfo: { username: string } } };
      const { username } = me.status.userInfo;
      const mine = { 'scc.poc/author': username };
      const approvals = (name: string) => ({ approvals: [{ wave: 1, hash: 'a'.repeat(64), by: name }] });
      for (const name of [username, userOf('owner')])
        expect(await refusalOf(stack.api.create(campaigns, campaign(mine, approvals(name))))).toContain(
          'by the user who adds the approval',
        );
      expect(await refusalOf(stack.api.create(campaigns, campaign(mine)))).toBeUndefined();
      const edit = (by: string) =>
        stack.api.merge(`${campaigns}/fleet`, {
          metadata: { annotations: { 'scc.poc/campaign-edits': `1\t${by}\t{"suspend":true}` } },
          spec: { suspend: true },
        });
      expect(await refusalOf(edit(userOf('owner')))).toContain('who changed the course of this campaign');
      expect(await refusalOf(edit(username))).toBeUndefined();
    });

    it('takes a full record that is true', async () => {
      const review = (await as('owner').create('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      })) as { status: { userInfo: { uid: string; groups: string[]; extra?: Record<string, string[]> } } };
      const { uid, groups, extra = {} } = review.status.userInfo;
      const record = {
        ...by('owner'),
        'scc.poc/author-uid': uid,
        'scc.poc/author-groups': groups.join('\n'),
        'scc.poc/author-extra': Object.entries(extra)
          .map(([key, values]) => `${key}=${values.join('\t')}`)
          .join('\n'),
      };
      expect(await refusalOf(create('owner', aPlan('recorded', record)))).toBeUndefined();
      expect(await refusalOf(create('owner', aPlan('x', { ...record, 'scc.poc/author-uid': 'u' })))).toContain(
        'identity',
      );
    });

    it('asks of an edit what it asks of a plan, and lets pass what changes neither content nor author', async () => {
      expect(await refusalOf(create('owner', aPlan('edited', by('owner'))))).toBeUndefined();
      expect(await refusalOf(patch('mallory', 'edited', { spec: { suspend: true } }))).toBeUndefined();
      expect(
        await refusalOf(patch('mallory', 'edited', { metadata: { finalizers: ['scc.poc/undo'] } })),
      ).toBeUndefined();
      expect(await refusalOf(patch('mallory', 'edited', { metadata: { finalizers: null } }))).toBeUndefined();
      expect(await refusalOf(patch('mallory', 'edited', { metadata: { annotations: by('mallory') } }))).toContain(
        'Leave them as they are',
      );
      const edit = { spec: { traffic: { interval: '2m' } } };
      expect(await refusalOf(patch('second', 'edited', edit))).toContain('The edit is not recorded');
      const editor = { 'scc.poc/editor': userOf('mallory'), 'scc.poc/editors': userOf('mallory') };
      expect(await refusalOf(patch('mallory', 'edited', { metadata: { annotations: editor }, ...edit }))).toContain(
        'may not update Deployment ledger',
      );
      const second = { 'scc.poc/editor': userOf('second'), 'scc.poc/editors': userOf('second') };
      expect(
        await refusalOf(patch('second', 'edited', { metadata: { annotations: second }, ...edit })),
      ).toBeUndefined();
      expect(
        await refusalOf(patch('second', 'edited', { metadata: { annotations: { 'scc.poc/editors': null } } })),
      ).toContain('who edited this plan');
      expect(await refusalOf(as('mallory').call('DELETE', `${AT}/edited`))).toBeUndefined();
    });
  });

  it('the credentials of governance write the ranges of a namespace, and nothing else of it', async () => {
    const write = (metadata: object) => refusalOf(as('governance').merge('/api/v1/namespaces/elsewhere', { metadata }));
    const range = (value: string | null) => ({ annotations: { 'openshift.io/sa.scc.uid-range': value } });
    for (const metadata of [
      { labels: { 'scc.poc/managed': 'true' } },
      { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      { annotations: { 'example.org/note': 'mine' } },
      { finalizers: ['example.org/forever'] },
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'gone', uid: 'gone' }] },
      { ...range('1000650000/10000'), labels: { 'istio-injection': 'enabled' } },
    ])
      expect(await write(metadata)).toContain('an administrator of the cluster can change the rest');
    expect(await write(range('1000650000/10000'))).toBeUndefined();
    expect(await write(range(null))).toBeUndefined();
  });

  describe('the credentials of the worker', () => {
    it('change nothing in a namespace that is not under management', async () => {
      expect(await refusalOf(as('worker').create(DEPLOYMENTS, aDeployment()))).toContain('scc.poc/managed=true');
      const shop = DEPLOYMENTS.replace('elsewhere', 'shop');
      expect(await refusalOf(as('worker').create(shop, aDeployment()))).toBeUndefined();
    });

    it('of dry runs change nothing at all', async () => {
      expect(await refusalOf(as('dry-run').create(`${MAPS('shop')}?dryRun=All`, aMap('dry')))).toBeUndefined();
      expect(await refusalOf(as('dry-run').create(MAPS('shop'), aMap('dry')))).toContain('may only send dry runs');
    });
  });
}
