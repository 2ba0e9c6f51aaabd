import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { domainDatabase, type DomainDatabase } from '../governance.fixture.js';
import { type GuardedApi, type GuardedAnswer, startGuarded, TestCluster } from '../access.fixture.js';

/** Who may change who may what. */

const cluster = new TestCluster();
const root = cluster.issue('root', { groups: ['system:masters'] });
let database: DomainDatabase;
let guarded: GuardedApi;

beforeAll(async () => {
  database = await domainDatabase();
  guarded = await startGuarded(database.app, { cluster });
}, 60_000);
afterAll(async () => {
  await guarded.close();
  await database.close();
});
beforeEach(async () => {
  // A row that the trigger keeps is taken away by the owner, with the trigger off.
  await database.admin.query('alter table role_binding disable trigger role_binding_admin');
  await database.admin.query('delete from role_binding');
  await database.admin.query('alter table role_binding enable trigger role_binding_admin');
});

const PATH = '/v1/role-bindings';
const give = (token: string, role: string, name: string, namespaces: string): Promise<GuardedAnswer> =>
  guarded.call(token, 'POST', PATH, { role, subject: { kind: 'User', name }, namespaces });
async function given(token: string, role: string, name: string, namespaces: string): Promise<string> {
  const { status, body } = await give(token, role, name, namespaces);
  expect(status).toBe(201);
  return z.object({ id: z.string() }).parse(body).id;
}
const take = (token: string, id: string): Promise<GuardedAnswer> => guarded.call(token, 'DELETE', `${PATH}/${id}`);
const listed = async (token: string, query = ''): Promise<unknown[]> =>
  z.object({ items: z.array(z.unknown()) }).parse((await guarded.call(token, 'GET', `${PATH}${query}`)).body).items;

async function audited(id: string): Promise<unknown[]> {
  const rows = await database.app.query<{ actor: string; action: string; body: Buffer }[]>(
    `select actor, action, body from audit_entry where object_kind = 'RoleBinding' and object_name = $1 order by id`,
    [id],
  );
  return rows.map(({ actor, action, body }) => ({
    actor,
    action,
    details: z.object({ details: z.unknown() }).parse(JSON.parse(body.toString('utf8'))).details,
  }));
}

describe('role bindings', () => {
  it('take effect at once, both ways, and are audited with the change', async () => {
    const vera = cluster.issue('vera');
    expect((await guarded.call(vera, 'GET', '/v1/migrations')).status).toBe(403);
    const id = await given(root, 'viewer', 'vera', 'shop');
    expect((await guarded.call(vera, 'GET', '/v1/migrations')).status).toBe(200);
    expect((await take(root, id)).status).toBe(204);
    expect((await guarded.call(vera, 'GET', '/v1/migrations')).status).toBe(403);
    const details = { role: 'viewer', subject: { kind: 'User', name: 'vera' }, namespaces: 'shop' };
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    expect(await audited(id)).toEqual([
      { actor: 'root', action: 'access.granted', details: { ...details, at } },
      { actor: 'root', action: 'access.revoked', details },
    ]);
    expect((await take(root, id)).status).toBe(404);
  });

  it('exist once', async () => {
    await given(root, 'viewer', 'vera', 'shop');
    expect((await give(root, 'viewer', 'vera', 'shop')).status).toBe(409);
    expect(await listed(root)).toHaveLength(1);
  });

  it('are found by role and subject, page by page', async () => {
    for (const name of ['a', 'b', 'c']) await given(root, 'viewer', name, '*');
    await given(root, 'operator', 'a', '*');
    expect(await listed(root, '?role=viewer')).toHaveLength(3);
    expect(await listed(root, '?subject=a')).toHaveLength(2);
    const first = await guarded.call(root, 'GET', `${PATH}?limit=3`);
    const { nextCursor } = z.object({ nextCursor: z.string() }).parse(first.body);
    expect(await listed(root, `?limit=3&cursor=${nextCursor}`)).toMatchObject([{ role: 'operator' }]);
  });

  it.each([
    ['an unknown role', { role: 'emperor' }],
    ['no subject', { subject: undefined }],
    ['a subject with a line break', { subject: { kind: 'User', name: 'a\nb' } }],
    ['a subject that the database cannot hold', { subject: { kind: 'User', name: 'a\0b' } }],
    ['a subject that looks like another one', { subject: { kind: 'User', name: 'a\u200bda' } }],
    ['a subject that is no text', { subject: { kind: 'User', name: 'a\ud800' } }],
    ['a pattern that is none', { namespaces: '%' }],
    ['no pattern', { namespaces: '' }],
  ])('refuse %s', async (_name, over) => {
    const body = { role: 'viewer', subject: { kind: 'User', name: 'vera' }, namespaces: '*', ...over };
    expect((await guarded.call(root, 'POST', PATH, body)).status).toBe(400);
  });

  it('name people whose names have characters that are newer than this program', async () => {
    expect((await give(root, 'viewer', 'ana \u{16fa7}', 'shop')).status).toBe(201);
  });

  it('of a group are for its members only', async () => {
    const body = { role: 'viewer', subject: { kind: 'Group', name: 'ops' }, namespaces: '*' };
    expect((await guarded.call(root, 'POST', PATH, body)).status).toBe(201);
    const member = cluster.issue('max', { groups: ['ops'] });
    const namesake = cluster.issue('ops');
    expect((await guarded.call(member, 'GET', '/v1/migrations')).status).toBe(200);
    expect((await guarded.call(namesake, 'GET', '/v1/migrations')).status).toBe(403);
  });
});

describe('an admin of one team', () => {
  let tina: string;
  beforeEach(async () => {
    tina = cluster.issue('tina');
    await given(root, 'admin', 'tina', 'team-a-*');
  });

  it('gives and takes inside the team', async () => {
    const id = await given(tina, 'approver', 'vera', 'team-a-prod');
    expect((await take(tina, id)).status).toBe(204);
  });

  it.each([
    ['beyond the team', 'viewer', 'team-*'],
    ['everywhere', 'viewer', '*'],
    ['in another team', 'viewer', 'team-b-prod'],
    ['the engine', 'engine', 'team-a-prod'],
  ])('does not give %s', async (_name, role, namespaces) => {
    expect((await give(tina, role, 'vera', namespaces)).status).toBe(403);
  });

  it('neither sees nor takes what lies outside', async () => {
    const id = await given(root, 'viewer', 'vera', 'team-b-prod');
    expect(await listed(tina)).toMatchObject([{ subject: { name: 'tina' } }]);
    expect((await take(tina, id)).status).toBe(404);
    expect(await listed(root)).toHaveLength(2);
  });
});

describe('the last admin of everything', () => {
  it('stays, for every caller', async () => {
    const id = await given(root, 'admin', 'ada', '*');
    const refused = await take(root, id);
    expect([refused.status, refused.detail]).toEqual([
      409,
      'the last admin of everything stays; bind another one first',
    ]);
    await expect(database.app.query('delete from role_binding')).rejects.toThrow('the last admin is not removed');
    await given(root, 'admin', 'eve', 'team-a');
    expect((await take(root, id)).status).toBe(409);
    expect(await audited(id)).toHaveLength(1);
  });

  it('is one of the last two when both are removed at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const ids = [await given(root, 'admin', `ada-${round}`, '*'), await given(root, 'admin', `eve-${round}`, '*')];
      for (const { id } of z.array(z.object({ id: z.string() })).parse(await listed(root)))
        if (!ids.includes(id)) expect((await take(root, id)).status).toBe(204);
      // Each of the two removes the other.
      const [ada, eve] = [cluster.issue(`ada-${round}`), cluster.issue(`eve-${round}`)];
      const answers = await Promise.all([take(ada, ids[1]!), take(eve, ids[0]!)]);
      const statuses = answers.map(({ status }) => status).sort();
      // The second may come after it is no admin any more.
      expect([204, statuses[1]]).toEqual([statuses[0], statuses[1] === 403 ? 403 : 409]);
      expect(await listed(root)).toHaveLength(1);
    }
  });

  it('is one of the last two when the database is asked by two at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const ids = [await given(root, 'admin', `a-${round}`, '*'), await given(root, 'admin', `b-${round}`, '*')];
      for (const { id } of z.array(z.object({ id: z.string() })).parse(await listed(root)))
        if (!ids.includes(id)) expect((await take(root, id)).status).toBe(204);
      const removed = await Promise.allSettled(
        ids.map((id) => database.app.query('delete from role_binding where id = $1', [id])),
      );
      expect(removed.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await listed(root)).toHaveLength(1);
    }
  });
});
