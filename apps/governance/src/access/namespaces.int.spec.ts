import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { evaluationSchema } from '@scc/governance-api';
import { policyDocumentSchema } from '@scc/policy';
import { z } from 'zod';
import {
  NOON,
  aBatch,
  aRequest,
  completedEvents,
  domainDatabase,
  type DomainDatabase,
  inTx,
  ownWorkload,
  recorded,
} from '../governance.fixture.js';
import { savePolicy } from '../policies/store.js';
import { trackPods } from '../pods/tracking.js';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';

/** Two teams and the people between them, over HTTP. */

const WORKER = 'system:serviceaccount:scc-system:worker';
const cluster = new TestCluster();
const worker = cluster.issue(WORKER);
const root = cluster.issue('root', { groups: ['system:masters'] });
let database: DomainDatabase;
let guarded: GuardedApi;

const listSchema = z.object({ items: z.array(z.looseObject({})) });
const itemsOf = async (token: string, path: string): Promise<Record<string, unknown>[]> => {
  const { status, body } = await guarded.call(token, 'GET', path);
  expect([path, status]).toEqual([path, 200]);
  return listSchema.parse(body).items;
};

async function bind(role: string, name: string, namespaces: string, kind = 'User'): Promise<string> {
  const body = { role, subject: { kind, name }, namespaces };
  const { status, body: created } = await guarded.call(root, 'POST', '/v1/role-bindings', body);
  expect(status).toBe(201);
  return z.object({ id: z.string() }).parse(created).id;
}

/** A migration that waits for an approval, as the worker asked for it. */
async function waiting(namespace: string, author = 'ana'): Promise<{ uid: string; contentHash: string }> {
  const workload = ownWorkload(`ledger-${Math.random().toString(36).slice(2, 8)}`);
  const request = aRequest({
    ...workload,
    namespace,
    author,
    spec: { ...workload.spec, approval: { required: true } },
  });
  const { uid } = request.plan;
  const asked = await guarded.call(worker, 'POST', `/v1/migrations/${uid}/evaluations`, request);
  const { contentHash, verdict } = evaluationSchema.parse(asked.body);
  expect(verdict).toBe('requireApproval');
  const batch = aBatch(request, recorded(completedEvents).slice(0, 2));
  expect(await guarded.call(worker, 'POST', `/v1/migrations/${uid}/events`, batch)).toMatchObject({ status: 200 });
  return { uid, contentHash };
}

beforeAll(async () => {
  database = await domainDatabase();
  guarded = await startGuarded(database.app, { cluster });
  const rules = [{ name: 'rule', when: 'plan.name == "x"', verdict: 'deny', message: 'no', remedy: 'do not' }];
  const actor = { name: 'root', groups: [], roles: [] };
  const document = policyDocumentSchema.parse({ name: 'agents', rules });
  await inTx(database.app, (tx) => savePolicy(tx, document, 0, { actor, requestId: null, now: new Date() }));
}, 60_000);
afterAll(async () => {
  await guarded.close();
  await database.close();
});

describe('a viewer of one team', () => {
  let vera: string;
  let own: { uid: string };
  let other: { uid: string };
  beforeAll(async () => {
    vera = cluster.issue('vera', { groups: ['team-a'] });
    await bind('viewer', 'team-a', 'team-a-*', 'Group');
    own = await waiting('team-a-prod');
    other = await waiting('team-b-prod');
    const pod = (namespace: string) => ({
      uid: `pod-of-${namespace}`,
      namespace,
      name: 'ledger-1',
      scc: 'anyuid',
      subjectType: null,
      image: null,
      node: 'node-1',
      ownerKind: null,
      ownerName: null,
      plan: null,
    });
    const at = new Date(NOON);
    await trackPods(database.app, [
      { type: 'seen', pod: pod('team-a-prod'), at },
      { type: 'seen', pod: pod('team-b-prod'), at },
    ]);
    for (const namespace of ['team-a-prod', 'team-b-prod']) {
      const exception = {
        policy: 'agents',
        target: { namespace, kind: 'Deployment', name: 'ledger' },
        reason: 'a legacy agent needs it for now',
        expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
      };
      expect(await guarded.call(root, 'POST', '/v1/policy-exceptions', exception)).toMatchObject({ status: 201 });
    }
  });

  it.each(['/v1/migrations', '/v1/approvals', '/v1/pods', '/v1/policy-exceptions'])(
    'sees only its own in %s',
    async (path) => {
      const all = JSON.stringify(await itemsOf(root, path));
      expect([all.includes('team-a-prod'), all.includes('team-b-prod')]).toEqual([true, true]);
      const seen = JSON.stringify(await itemsOf(vera, path));
      expect([seen.includes('team-a-prod'), seen.includes('team-b-prod')]).toEqual([true, false]);
    },
  );

  it('counts only its own pods', async () => {
    expect(await itemsOf(root, '/v1/pod-counts')).toEqual([{ scc: 'anyuid', pods: 2 }]);
    expect(await itemsOf(vera, '/v1/pod-counts')).toEqual([{ scc: 'anyuid', pods: 1 }]);
    expect(await itemsOf(root, '/v1/pod-counts?namespace=team-b-prod')).toEqual([{ scc: 'anyuid', pods: 1 }]);
    expect(await itemsOf(root, '/v1/pod-counts?namespace=team-c-prod')).toEqual([]);
    expect(await guarded.call(root, 'GET', '/v1/pod-counts?namespace=*')).toMatchObject({ status: 400 });
  });

  it.each(['', '/steps', '/events', '/approval', '/proof'])(
    'cannot tell a hidden migration from none: …/{id}%s',
    async (rest) => {
      const path = (uid: string): string => `/v1/migrations/${uid}${rest}`;
      expect(await guarded.call(vera, 'GET', path(own.uid))).toMatchObject({ status: 200 });
      const hidden = await guarded.call(vera, 'GET', path(other.uid));
      const missing = await guarded.call(vera, 'GET', path('00000000-0000-4000-8000-000000000000'));
      expect([hidden.status, hidden.detail]).toEqual([missing.status, missing.detail]);
      expect(hidden.status).toBe(403);
      expect(JSON.stringify(hidden.body)).not.toContain('team-b');
      expect(await guarded.call(root, 'GET', path('00000000-0000-4000-8000-000000000000'))).toMatchObject({
        status: 404,
      });
    },
  );

  it('cannot tell a hidden pod from one that does not exist', async () => {
    const of = (uid: string) => guarded.call(vera, 'GET', `/v1/pods/${uid}/transitions`);
    expect((await of('pod-of-team-a-prod')).status).toBe(200);
    const [hidden, missing] = [await of('pod-of-team-b-prod'), await of('nothing')];
    expect([hidden.status, hidden.detail]).toEqual([403, missing.detail]);
  });

  it('is told which permission it lacks in a namespace that it names', async () => {
    const { status, detail } = await guarded.call(vera, 'GET', '/v1/pods?namespace=team-b-prod');
    const WHO =
      'an admin there can bind you a role that has it (viewer, operator, approver, policy-author, auditor, admin)';
    expect([status, detail]).toEqual([403, `you lack pods:read in the namespace team-b-prod: ${WHO}`]);
    const path = '/v1/workloads/team-b-prod/Deployment/ledger/history';
    expect((await guarded.call(vera, 'GET', path)).detail).toBe(
      `you lack registry:read in the namespace team-b-prod: ${WHO}`,
    );
    // Where it may read, it learns that nothing is known of this workload.
    expect((await guarded.call(vera, 'GET', path.replace('team-b', 'team-a'))).status).toBe(404);
  });

  it('reads what is the same for everybody, and changes nothing', async () => {
    expect((await guarded.call(vera, 'GET', '/v1/policies')).status).toBe(200);
    expect((await guarded.call(vera, 'POST', '/v1/policies/dry-run', {})).detail).toContain(
      'you lack policies:write in all',
    );
    expect((await guarded.call(vera, 'GET', '/v1/role-bindings')).status).toBe(403);
  });

  it('asks for exceptions only where it may', async () => {
    const olga = cluster.issue('olga');
    await bind('operator', 'olga', 'team-a-*');
    const ask = (namespace: string) =>
      guarded.call(olga, 'POST', '/v1/policy-exceptions', { target: { namespace }, policy: 'agents' });
    expect((await ask('team-a-prod')).status).toBe(400);
    expect((await ask('team-b-prod')).status).toBe(403);
  });
});

describe('an admin of one team', () => {
  it('neither sees nor keeps receivers of notifications, which hear of other teams', async () => {
    const adam = cluster.issue('adam');
    await bind('admin', 'adam', 'team-a-*');
    const receiver = {
      ...{ name: 'own', type: 'webhook', url: 'https://127.0.0.1/own', signingSecret: 'key' },
      ...{ namespaces: ['team-a-*'], kinds: ['*'] },
    };
    for (const [method, path, permission, body] of [
      ['GET', '/v1/notification-receivers', 'read'],
      ['GET', '/v1/notification-deliveries', 'read'],
      ['PUT', '/v1/notification-receivers/own', 'write', receiver],
      ['DELETE', '/v1/notification-receivers/own', 'write'],
      ['POST', '/v1/notification-receivers/own/retry', 'write', {}],
    ] as const) {
      const { status, detail } = await guarded.call(adam, method, path, body);
      expect([path, status]).toEqual([path, 403]);
      expect(detail).toContain(`you lack notifications:${permission} in all`);
    }
  });
});

describe('four eyes', () => {
  it('keep the author from approving in any role, and another approver does', async () => {
    const ana = cluster.issue('ana');
    const bob = cluster.issue('bob');
    for (const name of ['ana', 'bob']) await bind('approver', name, '*');
    const { uid, contentHash } = await waiting('shop', 'ana');
    const decide = (token: string) =>
      guarded.call(token, 'POST', `/v1/migrations/${uid}/approvals`, { decision: 'approve', contentHash });
    const own = await decide(ana);
    expect([own.status, own.detail]).toEqual([
      403,
      'the author of a plan neither approves nor refuses it: another user does, who holds a role that is asked for (approver)',
    ]);
    expect(await decide(bob)).toMatchObject({ status: 200, body: { status: 'granted', by: ['bob'] } });
  });

  it('count a role only where it is held', async () => {
    const carl = cluster.issue('carl');
    await bind('viewer', 'carl', '*');
    await bind('approver', 'carl', 'team-a-*');
    const decide = async (namespace: string) => {
      const { uid, contentHash } = await waiting(namespace);
      return guarded.call(carl, 'POST', `/v1/migrations/${uid}/approvals`, { decision: 'approve', contentHash });
    };
    expect(await decide('team-a-prod')).toMatchObject({ status: 200, body: { by: ['carl'] } });
    const refused = await decide('team-b-prod');
    expect([refused.status, refused.detail]).toEqual([
      403,
      'you lack approvals:decide in the namespace of this object, if there is one: an admin there can bind you a role that has it (approver, admin)',
    ]);
  });
});

describe('breaking the glass', () => {
  const reason = 'the payment service is down and the team does not answer';
  const use = (token: string, { uid, contentHash }: { uid: string; contentHash: string }, why: string = reason) =>
    guarded.call(token, 'POST', `/v1/migrations/${uid}/break-glass`, { contentHash, reason: why });

  it('is for admins with a reason, never for the author, and is reviewed by another person', async () => {
    const plan = await waiting('shop', 'ada');
    const ada = cluster.issue('ada');
    const eve = cluster.issue('eve');
    const otto = cluster.issue('otto');
    for (const name of ['ada', 'eve']) await bind('admin', name, '*');
    await bind('auditor', 'otto', '*');
    expect((await use(cluster.issue('bob'), plan)).status).toBe(403);
    expect((await use(eve, plan, 'because')).status).toBe(400);
    expect((await use(eve, { ...plan, contentHash: 'f'.repeat(64) })).status).toBe(412);
    expect(await use(ada, plan)).toMatchObject({ status: 403, detail: expect.stringContaining('author') as unknown });
    expect(await use(eve, plan)).toMatchObject({
      status: 200,
      body: { status: 'granted', by: [], reason: `break-glass by eve: ${reason}` },
    });
    expect((await use(eve, plan)).status).toBe(409);
    const step = { step: 'Prepare', contentHash: plan.contentHash, detail: '' };
    expect(await guarded.call(worker, 'POST', `/v1/migrations/${plan.uid}/steps`, step)).toMatchObject({
      body: { allowed: true },
    });
    const open = z
      .array(z.looseObject({ id: z.string(), usedBy: z.string() }))
      .parse(await itemsOf(otto, '/v1/break-glass'));
    expect(open).toMatchObject([{ usedBy: 'eve', reason, reviewedAt: null }]);
    const review = (token: string) =>
      guarded.call(token, 'POST', `/v1/break-glass/${open[0]!.id}/review`, { review: 'justified, seen with the team' });
    expect((await review(eve)).status).toBe(403);
    expect(await review(otto)).toMatchObject({ status: 200, body: { reviewedBy: 'otto' } });
    expect((await review(otto)).status).toBe(409);
    expect(await itemsOf(otto, '/v1/break-glass')).toEqual([]);
    expect(await actionsOf('approval.bypassed')).toMatchObject([
      { actor: 'eve', details: { review: 'required', reason } },
    ]);
    expect(await actionsOf('approval.bypassReviewed')).toMatchObject([{ actor: 'otto', details: { usedBy: 'eve' } }]);
  });

  it('is kept from the author by the database too', async () => {
    const { uid } = await waiting('shop', 'ada');
    const sql = `insert into break_glass (request, used_by, reason, used_at)
      select id, 'ada', 'no code stands between this and the table', now() from approval_request where plan_uid = $1`;
    await expect(database.app.query(sql, [uid])).rejects.toThrow('the author of a plan does not approve it');
  });
});

async function actionsOf(action: string): Promise<unknown[]> {
  const rows = await database.app.query<{ actor: string; body: Buffer }[]>(
    'select actor, body from audit_entry where action = $1 order by id',
    [action],
  );
  return rows.map(({ actor, body }) => ({
    actor,
    details: z.object({ details: z.unknown() }).parse(JSON.parse(body.toString('utf8'))).details,
  }));
}
