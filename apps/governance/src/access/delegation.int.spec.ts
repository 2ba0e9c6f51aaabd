import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type GuardedAnswer, type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import type { Role } from '../call/roles.js';
import { domainDatabase, type DomainDatabase } from '../governance.fixture.js';
import { ROLE_TABLE } from '../permissions.js';
import { clusterRoles } from './cluster-roles.js';
import type { AccessReview } from './kubernetes.js';
import type { AccessMode } from './settings.js';

/** Role bindings in the hands of those whom the cluster's RBAC lets manage a namespace. */

let database: DomainDatabase;
let cluster: TestCluster;
let guarded: GuardedApi;
let tina: string;
beforeAll(async () => {
  database = await domainDatabase();
}, 60_000);
afterAll(() => database.close());
afterEach(() => guarded.close());

interface RoleRef {
  user: string;
  role: Role;
  /** Null: by a ClusterRoleBinding. */
  namespace: string | null;
  without?: string;
}

/** RBAC as the chart and bindings to it would have it. */
const rbac =
  (...bindings: RoleRef[]) =>
  ({ user, resourceAttributes: { group, resource, verb, name, namespace } }: AccessReview): boolean =>
    bindings.some(
      (binding) =>
        binding.user === user &&
        (binding.namespace === null || binding.namespace === namespace) &&
        binding.without !== `${resource}:${verb}` &&
        clusterRoles(ROLE_TABLE)
          .find(({ metadata }) => metadata.name === `scc-governance-${binding.role}`)
          ?.rules.some(
            (rule) =>
              rule.apiGroups.includes(group) &&
              rule.resources.includes(resource) &&
              rule.verbs.includes(verb) &&
              (rule.resourceNames === undefined || rule.resourceNames.includes(name ?? '')),
          ),
    );

async function start(mode: AccessMode, ...bindings: RoleRef[]): Promise<void> {
  cluster = new TestCluster();
  cluster.rbac = rbac(...bindings);
  await database.admin.query('alter table role_binding disable trigger role_binding_admin');
  await database.admin.query('delete from role_binding');
  await database.admin.query('alter table role_binding enable trigger role_binding_admin');
  guarded = await startGuarded(database.app, { cluster, env: { ACCESS_MODE: mode } });
  tina = cluster.issue('tina');
}

const PATH = '/v1/role-bindings';
const give = (role: string, namespaces: string, token = tina): Promise<GuardedAnswer> =>
  guarded.call(token, 'POST', PATH, { role, subject: { kind: 'User', name: 'vera' }, namespaces });
const idOf = ({ body }: GuardedAnswer): string => z.object({ id: z.string() }).parse(body).id;
const insert = async (role: Role, user: string, namespaces: string): Promise<string> => {
  const [row] = await database.app.query<{ id: string }[]>(
    `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by)
     values ($1, 'User', $2, $3, 'test') returning id`,
    [role, user, namespaces],
  );
  return row?.id ?? '';
};
const count = async (): Promise<number> => (await database.app.query<unknown[]>('select from role_binding')).length;

describe('an admin of a namespace by the RBAC of the cluster', () => {
  beforeEach(() => start('kubernetes', { user: 'tina', role: 'admin', namespace: 'shop' }));

  it('gives, lists and takes bindings of exactly that namespace', async () => {
    const given = await give('approver', 'shop');
    expect(given.status).toBe(201);
    const { body } = await guarded.call(tina, 'GET', `${PATH}?namespace=shop`);
    expect(body).toMatchObject({ items: [{ role: 'approver', namespaces: 'shop', createdBy: 'tina' }] });
    expect((await guarded.call(tina, 'DELETE', `${PATH}/${idOf(given)}?namespace=shop`)).status).toBe(204);
    expect(await count()).toBe(0);
  });

  it.each([
    ['everywhere', 'viewer', '*'],
    ['in a pattern that matches the namespace', 'viewer', 'sho*'],
    ['in a pattern within the namespace', 'viewer', 'shop*'],
    ['in another namespace', 'viewer', 'bank'],
    ['to the engine', 'engine', 'shop'],
  ])('does not give a role %s', async (_name, role, namespaces) => {
    expect((await give(role, namespaces)).status).toBe(403);
    expect(await count()).toBe(0);
  });

  it('neither sees nor takes what is not only there', async () => {
    const ids = [await insert('viewer', 'vera', 'sho*'), await insert('viewer', 'vera', 'bank')];
    expect((await guarded.call(tina, 'GET', PATH)).status).toBe(403);
    expect((await guarded.call(tina, 'GET', `${PATH}?namespace=shop`)).body).toMatchObject({ items: [] });
    for (const id of ids) {
      expect((await guarded.call(tina, 'DELETE', `${PATH}/${id}`)).status).toBe(403);
      expect((await guarded.call(tina, 'DELETE', `${PATH}/${id}?namespace=shop`)).status).toBe(404);
      expect((await guarded.call(tina, 'DELETE', `${PATH}/${id}?namespace=bank`)).status).toBe(403);
    }
    expect(await count()).toBe(2);
  });

  it('is not believed about a namespace that the query names and the binding does not', async () => {
    const body = { role: 'viewer', subject: { kind: 'User', name: 'vera' }, namespaces: 'bank' };
    expect((await guarded.call(tina, 'POST', `${PATH}?namespace=shop`, body)).status).toBe(403);
  });
});

describe('a caller with access:write in a namespace', () => {
  it('and no role gives none', async () => {
    await start('kubernetes');
    cluster.rbac = ({ resourceAttributes: { resource, verb, namespace } }) =>
      resource === 'access' && verb === 'write' && namespace === 'shop';
    const { status, detail } = await give('viewer', 'shop');
    expect([status, detail]).toEqual([
      403,
      expect.stringContaining('you can only grant a role that you hold yourself'),
    ]);
  });

  it('and a role by name gives nothing of it that they lack', async () => {
    await start('kubernetes', { user: 'tina', role: 'admin', namespace: 'shop', without: 'audit:export' });
    const { status, detail } = await give('auditor', 'shop');
    expect([status, detail]).toEqual([
      403,
      'you lack audit:export, audit:answer in shop, which auditor has: you can only grant a role that you hold yourself, where you hold it',
    ]);
    expect((await give('approver', 'shop')).status).toBe(201);
  });
});

describe('with both sources', () => {
  it('an admin everywhere by a binding, and in one namespace by RBAC, is admin there alone', async () => {
    await start('both', { user: 'tina', role: 'admin', namespace: 'shop' });
    await insert('admin', 'tina', '*');
    expect((await give('approver', 'shop')).status).toBe(201);
    for (const [role, namespaces] of [
      ['engine', 'shop'],
      ['approver', 'bank'],
      ['approver', '*'],
    ] as const)
      expect([role, namespaces, (await give(role, namespaces)).status]).toEqual([role, namespaces, 403]);
    expect((await guarded.call(tina, 'GET', '/v1/me?namespace=shop')).body).toMatchObject({
      roles: [{ role: 'admin', namespaces: 'shop' }],
    });
  });

  it('an admin of everything by both gives the role of the engine', async () => {
    await start('both', { user: 'tina', role: 'admin', namespace: null });
    await insert('admin', 'tina', '*');
    expect((await give('engine', '*')).status).toBe(201);
    expect((await give('viewer', 'team-*')).status).toBe(201);
  });
});
