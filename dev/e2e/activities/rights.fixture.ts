import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { grantBindingName, type PlanRef } from '@scc/plan';
import { messageOf, waitFor } from '@scc/runtime';
import { z } from 'zod';
import type { Stack } from '../../src/index.js';
import { authorsOn } from './authors.fixture.js';
import { aWorld, type Cluster, idIn, type World } from './world.fixture.js';

/** In whose name a plan works, asked of a real API server: what its authors hold by RBAC, in every way that RBAC knows. */

/** The parts of a stack that activities called from outside have no use for. */
export const WITHOUT = { mesh: false, prometheus: false, worker: false, watcher: false };
/** The rule of a role that gives the use of an SCC. */
export const useOf = (scc: string) => ({
  ...{ apiGroups: ['security.openshift.io'], resources: ['securitycontextconstraints'] },
  ...{ resourceNames: [scc], verbs: ['use'] },
});

const RBAC = 'rbac.authorization.k8s.io';
const role = (name: string, over: object) => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRole',
  metadata: { name },
  ...over,
});
const PART = 'e2e.scc.poc/part-of-author';
const part = (name: string, rule: object) => ({
  ...role(name, { rules: [rule] }),
  metadata: { name, labels: { [PART]: 'true' } },
});
const PARTS = [
  part('part-plans', { apiGroups: ['scc.poc'], resources: ['sccmigrationplans'], verbs: ['create', 'get'] }),
  part('part-deployments', { apiGroups: ['apps'], resources: ['deployments'], verbs: ['update'] }),
  part('part-scc', useOf('nonroot-v2')),
];
const WHOLE = role('author-of-parts', {
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [PART]: 'true' } }] },
  rules: [],
});

const reviewSchema = z.looseObject({
  requestObject: z
    .looseObject({
      spec: z.looseObject({
        user: z.string().default(''),
        groups: z.array(z.string()).default([]),
        extra: z.record(z.string(), z.array(z.string())).default({}),
        resourceAttributes: z.looseObject({ verb: z.string().default('') }).optional(),
      }),
    })
    .optional(),
});

export function rightsOfAuthors(stackOf: () => { stack: Stack; cluster: Cluster }): void {
  let world: World;
  beforeAll(async () => {
    world = await aWorld(stackOf(), 'owned', { without: ['VirtualService', 'DestinationRule'] });
    for (const object of [...PARTS, WHOLE]) await stackOf().cluster.admin.create(object);
    await bindTo('una', { kind: 'User', name: 'una' });
    await bindTo('team', { kind: 'Group', name: 'team' });
  }, 120_000);
  const of = () => ({ ...stackOf(), world });
  const { planBy, assessed, missing } = authorsOn(of);
  /** Once the pods of the workload are those of its template. */
  const settled = (ref: PlanRef) =>
    waitFor(() => assessed(ref).catch(() => undefined), {
      timeoutMs: 60_000,
      everyMs: 500,
      what: 'the pods to settle',
    });
  const prepare = async (ref: PlanRef, contentHash: string) =>
    of().cluster.run({ ref }).authorizeStep(ref, { step: 'Prepare', contentHash, detail: 'test' });

  async function reviewsOf(user: string) {
    const text = await readFile(path.join(of().stack.stateDir, 'logs', 'requests.jsonl'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line.includes('subjectaccessreviews') && line.includes(`"${user}"`))
      .map((line) => reviewSchema.parse(JSON.parse(line)).requestObject?.spec)
      .filter((spec) => spec?.user === user);
  }

  const lenient = { timeoutMs: 30_000, everyMs: 250 };
  const una = { user: 'una' };
  const bindTo = async (name: string, subject: object, role = WHOLE.metadata.name): Promise<void> => {
    const { cluster, world } = of();
    await cluster.admin.create({
      ...idIn(world.namespace, 'RoleBinding', name),
      metadata: { namespace: world.namespace, name },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: RBAC, ...subject }],
    });
  };

  describe('rights that are put together from the roles of others', () => {
    it('count for as long as each part gives them, and a step waits for what a part gives no longer', async () => {
      const { cluster } = of();
      const ref = await waitFor(() => planBy(una, 'aggregated').catch(() => undefined), {
        ...lenient,
        what: 'the parts of the role to be put together',
      });
      await waitFor(async () => (await missing(ref)).length === 0, { ...lenient, what: 'both rights' });
      const { governance } = await assessed(ref);
      expect(governance.rights?.map(({ heldBy }) => heldBy)).toEqual([['una'], ['una']]);
      expect(await prepare(ref, governance.contentHash)).toMatchObject({ allowed: true });

      for (const [name, field, right] of [
        ['part-deployments', 'spec.workloadRef', 'may not update deployments.apps/ledger'],
        ['part-scc', 'spec.targetSCC', 'may not use the SCC nonroot-v2'],
      ] as const) {
        const id = { apiVersion: WHOLE.apiVersion, kind: WHOLE.kind, name };
        const label = (value: string | null) =>
          cluster.admin.patch(id, { type: 'merge', body: { metadata: { labels: { [PART]: value } } } });
        await label(null);
        await waitFor(async () => !(await prepare(ref, governance.contentHash)).allowed, { ...lenient, what: field });
        expect(await prepare(ref, governance.contentHash)).toMatchObject({
          allowed: false,
          reason: expect.stringContaining(right) as unknown,
        });
        await label('true');
        await waitFor(async () => (await prepare(ref, governance.contentHash)).allowed, { ...lenient, what: name });
      }
    });
  });

  describe('a user whom the API server knows by more than a name', () => {
    it('is asked about with all of it: groups, and every key and value of extra', async () => {
      const extra = {
        'scopes.authorization.openshift.io': ['user:info', 'role:edit:shop:!'],
        'example.org/team': ['payments=all'],
      };
      const uma = { user: 'uma', groups: ['team'], extra };
      const ref = await waitFor(() => planBy(uma, 'extra').catch(() => undefined), {
        ...lenient,
        what: 'the group to be allowed',
      });
      await waitFor(async () => (await missing(ref)).length === 0, { ...lenient, what: 'both rights' });
      const reviews = await waitFor(
        async () => {
          const found = await reviewsOf('uma');
          return found.length >= 2 ? found : undefined;
        },
        { ...lenient, what: 'the reviews on record' },
      );
      for (const review of reviews) {
        expect(review).toMatchObject({ user: 'uma', extra });
        expect(review?.groups).toContain('team');
      }
      expect(reviews.map((review) => review?.resourceAttributes?.verb)).toEqual(
        expect.arrayContaining(['update', 'use']),
      );
    });
  });

  describe('a user who may act as others', () => {
    const BOTH = ['spec.workloadRef', 'spec.targetSCC'];
    const ida = () => ({ by: { namespace: of().world.namespace, name: 'ida' } });
    const told = (work: Promise<unknown>): Promise<string> => work.then(() => '', messageOf);

    beforeAll(async () => {
      const { cluster, world } = of();
      const { namespace } = world;
      const metadata = { namespace, name: 'ida' };
      await cluster.admin.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
      const users = { apiGroups: [''], resources: ['users'], resourceNames: ['una', 'ugo'], verbs: ['impersonate'] };
      await cluster.admin.create(role('acts-as-others', { rules: [users] }));
      const subject = { kind: 'ServiceAccount', apiGroup: '', ...metadata };
      await cluster.admin.create({
        ...role('ida', {}),
        kind: 'ClusterRoleBinding',
        roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'acts-as-others' },
        subjects: [subject],
      });
      await bindTo('ida', subject, 'part-plans');
      await bindTo('ugo', { kind: 'User', name: 'ugo' }, 'part-plans');
    }, 60_000);

    it('holds what they hold in their own name, and by it nothing of the others', async () => {
      const ref = await waitFor(() => planBy(ida(), 'by-ida').catch(() => undefined), {
        ...lenient,
        what: 'ida to be allowed to make plans',
      });
      expect(await missing(ref)).toEqual(BOTH);
      expect(await prepare(ref, (await assessed(ref)).governance.contentHash)).toMatchObject({ allowed: false });
    });

    it('makes plans as another, who is their author and whose rights decide, as for all that is done by hand', async () => {
      const ref = await waitFor(() => planBy({ ...ida(), user: 'una' }, 'as-una').catch(() => undefined), {
        ...lenient,
        what: 'ida to be allowed to act as una',
      });
      expect(await missing(ref)).toEqual([]);
      const { rights } = (await assessed(ref)).governance;
      expect(rights?.map(({ heldBy }) => heldBy)).toEqual([['una'], ['una']]);
    });

    it('gets no group by it: a right that another holds by a group counts with that group alone', async () => {
      const ref = await planBy({ ...ida(), user: 'ugo' }, 'as-ugo');
      expect(await missing(ref)).toEqual(BOTH);
      expect(await told(planBy({ ...ida(), user: 'ugo', groups: ['team'] }, 'as-team'))).toMatch(
        /cannot impersonate resource "groups"/,
      );
      const known = await planBy({ user: 'ugo', groups: ['team'] }, 'of-the-team');
      expect(await missing(known)).toEqual([]);
    });
  });

  describe('the ServiceAccount of the pods', () => {
    const account = (name: string) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      namespace: of().world.namespace,
      name,
    });
    const runAs = async (name: string): Promise<void> => {
      const { cluster, world } = of();
      const body = { spec: { template: { spec: { serviceAccountName: name, serviceAccount: name } } } };
      await cluster.admin.patch(idIn(world.namespace, 'Deployment', 'ledger'), { type: 'merge', body });
    };
    const subjects = async () => {
      const { world } = of();
      return (await world.find('RoleBinding', grantBindingName('nonroot-v2', 'ledger')))?.['subjects'];
    };
    afterEach(() => runAs('ledger'));

    it('is another one after the approval: what was allowed is allowed no longer, and nothing is granted to it', async () => {
      const { cluster, world } = of();
      const { namespace } = world;
      await cluster.admin.create({ ...account('deployer'), metadata: { namespace, name: 'deployer' } });
      const ref = await planBy(una, 'switched');
      const before = await settled(ref);
      const CHANGED = 'have changed since it was evaluated';
      // It may wait for another plan of the workload, and for nothing else.
      expect((await prepare(ref, before.governance.contentHash)).reason).not.toContain(CHANGED);
      await runAs('deployer');
      const after = await settled(ref);
      expect(after.target).toMatchObject({ targetServiceAccount: 'deployer', sourceServiceAccount: 'deployer' });
      expect(after.governance.contentHash).not.toBe(before.governance.contentHash);
      for (const step of ['Prepare', 'Migrate'] as const)
        expect(
          await cluster.run({ ref }).authorizeStep(ref, {
            ...{ step, contentHash: before.governance.contentHash, detail: 'test' },
          }),
        ).toMatchObject({
          allowed: false,
          reason: expect.stringContaining(CHANGED) as unknown,
        });
      // A grant that had begun before is made as it was judged: to the ServiceAccount that people saw.
      const { grantTarget, withdrawTargetGrant } = cluster.run({ ref });
      await grantTarget(before.target, true);
      expect(await subjects()).toMatchObject([{ name: 'ledger' }]);
      await withdrawTargetGrant(before.target);
    });

    it('needs no grant, and is given none, where the SCC names it among its own users', async () => {
      const { cluster, world } = of();
      const ref = await planBy(una, 'listed');
      const { target } = await settled(ref);
      const scc = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints', name: 'nonroot-v2' };
      const listed = (users: string[]) => cluster.admin.patch(scc, { type: 'merge', body: { users } });
      await listed([`system:serviceaccount:${world.namespace}:ledger`]);
      for (const mayGrant of [true, false])
        expect(await cluster.run({ ref }).grantTarget(target, mayGrant)).toMatchObject({ created: false });
      await listed([]);
      expect(await subjects()).toBeUndefined();
    });

    it('is made again under its name: RBAC knows it by the name, so that it holds what it held and no more', async () => {
      const { cluster, world } = of();
      const { namespace } = world;
      const ref = await planBy(una, 'recreated');
      const { target, governance } = await settled(ref);
      const old = await cluster.admin.get(account('ledger'));
      await cluster.admin.delete(account('ledger'));
      await cluster.admin.create({ ...account('ledger'), metadata: { namespace, name: 'ledger' } });
      expect((await cluster.admin.get(account('ledger')))?.metadata.uid).not.toBe(old?.metadata.uid);
      expect((await assessed(ref)).governance.contentHash).toBe(governance.contentHash);
      const { grantTarget, withdrawTargetGrant } = cluster.run({ ref });
      await expect(grantTarget(target, false)).rejects.toThrow('those who wrote the plan may not grant it');
      expect(await grantTarget(target, true)).toMatchObject({ created: true });
      expect(await subjects()).toMatchObject([{ name: 'ledger' }]);
      await withdrawTargetGrant(target);
      expect(await subjects()).toBeUndefined();
    });
  });
}
