import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ApprovalState, StepRequest } from '@scc/governance-api';
import { createLogger } from '@scc/runtime';
import { EVERYWHERE } from '../call/scope.js';
import { approvalView } from '../engine/approval-view.js';
import { authorizeStep } from '../engine/authorize.js';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  holdsAnyRole,
  inTx,
  NOON,
  ownWorkload,
  person,
  recorded,
  row,
  reportCovered,
} from '../governance.fixture.js';
import { findMigration } from '../plans/store.js';
import { governanceSuite } from '../suite.fixture.js';
import { recordDecision, expireRequests, withdraw } from './decisions.js';
import type { HoldsRole } from './endings.js';
import { followPlans } from './follow.js';
import { type Deliver, relayOne } from './outbox.js';
import { approvalStateFor, listRequests, needsWithoutAuthor } from './requests.js';

const database = governanceSuite();

const NEXT_DAY = '2026-03-11T12:00:01.000Z';

/** A plan that needs one approval, evaluated. */
async function waiting(
  name: string,
  over: { author?: string | null; editors?: string[] } = {},
  holds: HoldsRole = holdsAnyRole,
) {
  const workload = ownWorkload(name);
  const asked = aRequest({ ...workload, ...over, spec: { ...workload.spec, approval: { required: true } } });
  const request = { ...asked, plan: { ...asked.plan, editors: over.editors ?? [] } };
  const answer = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  const { uid } = request.plan;
  const planUid = uid;
  return {
    request,
    answer,
    uid,
    state: (now = NOON): Promise<ApprovalState> =>
      approvalStateFor(
        database.app,
        { planUid, contentHash: answer.contentHash, needs: answer.approvals },
        new Date(now),
      ),
    decide: (by: string, decision: 'approve' | 'refuse' = 'approve', roles = ['approver'], now = NOON) =>
      inTx(database.app, (tx) =>
        recordDecision(
          tx,
          uid,
          { decision, contentHash: answer.contentHash, reason: 'reviewed' },
          at(now, person(by, ...roles)),
        ),
      ),
    finish: () =>
      inTx(database.app, (tx) =>
        reportCovered(tx, uid, aBatch(request, recorded(completedEvents)), at('2026-03-10T13:00:00.000Z')),
      ),
    step: (step: StepRequest['step'], now = NOON) =>
      inTx(database.app, (tx) =>
        authorizeStep(tx, uid, { step, contentHash: answer.contentHash, detail: '' }, { ...at(now), holds }),
      ),
    prepare: (now = NOON) =>
      inTx(database.app, (tx) =>
        authorizeStep(tx, uid, { step: 'Prepare', contentHash: answer.contentHash, detail: '' }, { ...at(now), holds }),
      ),
    messages: () => row(database.app, 'select count(*)::int as messages from outbox where plan_uid = $1', uid),
    entries: (action: string) =>
      row(
        database.app,
        'select count(*)::int as entries from audit_entry where object_name = $1 and action = $2',
        request.plan.name,
        action,
      ),
  };
}

describe('an approval', () => {
  it('lets the migration begin, and tells its workflow', async () => {
    const plan = await waiting('granted');
    expect(plan.answer).toMatchObject({ verdict: 'requireApproval', approvals: [{ role: 'approver', count: 1 }] });
    expect(await plan.prepare()).toMatchObject({ allowed: false });
    expect(await plan.decide('bob')).toMatchObject({ status: 'granted', by: ['bob'] });
    expect(await plan.prepare()).toMatchObject({ allowed: true });
    expect(await plan.messages()).toEqual({ messages: 1 });
    expect(await row(database.app, 'select workflow_id, signal from outbox where plan_uid = $1', plan.uid)).toEqual({
      workflow_id: `scc/shop/granted/${plan.uid}`,
      signal: 'approve',
    });
  });

  it('never comes from the author', async () => {
    const plan = await waiting('four-eyes');
    await expect(plan.decide('ana')).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(
      database.app.query(
        `insert into approval_decision (request, approver, role, decision)
         select id, 'ana', 'approver', 'approve' from approval_request where plan_uid = $1`,
        [plan.uid],
      ),
    ).rejects.toThrow('the author of a plan does not approve it');
  });

  it('takes one person more when the author is unknown', async () => {
    const plan = await waiting('unknown-author', { author: null });
    expect(await plan.decide('bob')).toMatchObject({ status: 'pending' });
    expect(await plan.decide('eve')).toMatchObject({ status: 'granted' });
  });

  it('needs the role', async () => {
    const plan = await waiting('role');
    await expect(plan.decide('bob', 'approve', ['viewer'])).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('is void when the plan changes', async () => {
    const plan = await waiting('edited');
    await plan.decide('bob');
    const edited = {
      ...plan.request,
      spec: { ...plan.request.spec, traffic: { ...plan.request.spec.traffic, weights: [100] } },
    };
    const again = await inTx(database.app, (tx) => evaluatePlan(tx, edited, at(NOON)));
    expect(again.contentHash).not.toBe(plan.answer.contentHash);
    expect(await plan.prepare()).toMatchObject({ allowed: false });
    const { contentHash } = again;
    expect(
      await inTx(database.app, (tx) =>
        authorizeStep(tx, plan.uid, { step: 'Prepare', contentHash, detail: '' }, { ...at(NOON), holds: holdsAnyRole }),
      ),
    ).toMatchObject({ allowed: false });
    await expect(plan.decide('bob')).rejects.toMatchObject({ kind: 'stale' });
  });

  it('outlives an evaluation of the same content', async () => {
    const plan = await waiting('same-content');
    await plan.decide('bob');
    await inTx(database.app, (tx) => evaluatePlan(tx, plan.request, at(NOON)));
    expect(await plan.state()).toMatchObject({ status: 'granted' });
  });

  it('expires with its time, seen at once and recorded by the sweep', async () => {
    const plan = await waiting('expired');
    await plan.decide('bob');
    expect(await plan.state(NEXT_DAY)).toMatchObject({ status: 'expired' });
    expect(await plan.prepare(NEXT_DAY)).toMatchObject({ allowed: false });
    await inTx(database.app, (tx) => expireRequests(tx, new Date(NEXT_DAY)));
    expect(await plan.state(NOON)).toMatchObject({ status: 'expired' });
    expect(await plan.entries('approval.expired')).toEqual({ entries: 1 });
  });

  it('is taken back by the approver who gave it', async () => {
    const plan = await waiting('withdrawn');
    await plan.decide('bob');
    expect(await inTx(database.app, (tx) => withdraw(tx, plan.uid, at(NOON, person('bob', 'approver'))))).toMatchObject(
      {
        status: 'pending',
        by: [],
      },
    );
    expect(await plan.prepare()).toMatchObject({ allowed: false });
    expect(await plan.decide('bob')).toMatchObject({ status: 'granted' });
  });

  it('is refused for good by one refusal', async () => {
    const plan = await waiting('refused');
    expect(await plan.decide('bob', 'refuse')).toMatchObject({ status: 'refused', reason: 'reviewed' });
    await expect(plan.decide('eve')).rejects.toMatchObject({ kind: 'conflict' });
    expect(await plan.messages()).toEqual({ messages: 1 });
    await inTx(database.app, (tx) => evaluatePlan(tx, plan.request, at(NOON)));
    expect(await plan.state()).toMatchObject({ status: 'refused' });
  });

  it('can be asked for again when its time was over', async () => {
    const plan = await waiting('asked-again');
    await inTx(database.app, (tx) => evaluatePlan(tx, plan.request, at(NEXT_DAY)));
    expect(await plan.state(NEXT_DAY)).toMatchObject({ status: 'pending' });
    expect(await plan.decide('bob', 'approve', ['approver'], NEXT_DAY)).toMatchObject({ status: 'granted' });
  });

  it('has one effect when a hundred people approve at once', async () => {
    const plan = await waiting('hundred');
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_none, number) => plan.decide(`approver-${number}`)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await plan.state()).toMatchObject({ status: 'granted' });
    expect((await plan.state()).by).toHaveLength(1);
    expect(await plan.messages()).toEqual({ messages: 1 });
    expect(await plan.entries('approval.granted')).toEqual({ entries: 1 });
  });

  it('has one effect when one person approves fifty times at once', async () => {
    const plan = await waiting('fifty', { author: null });
    await Promise.all(Array.from({ length: 50 }, () => plan.decide('bob')));
    expect(await plan.state()).toMatchObject({ status: 'pending', by: ['bob'] });
    expect(await plan.entries('approval.granted')).toEqual({ entries: 1 });
  });
});

describe('a request', () => {
  const inbox = async (plan: string) =>
    listRequests(
      database.app,
      { plan, status: 'pending' },
      { limit: 10, after: null, scope: EVERYWHERE },
      new Date(NOON),
    );

  it('is found by the plan, and shows in one answer what an approver needs', async () => {
    const plan = await waiting('one-answer', { editors: ['eve'] });
    expect(await inbox(plan.uid)).toMatchObject([{ plan: { name: 'one-answer' } }]);
    expect(await approvalView(database.app, await findMigration(database.app, plan.uid), new Date(NOON))).toMatchObject(
      {
        status: 'pending',
        contentHash: plan.answer.contentHash,
        author: 'ana',
        editors: ['eve'],
        rights: { sourceSCC: 'anyuid', targetSCC: 'restricted-v2', relation: 'narrower' },
        expiresAt: '2026-03-11T12:00:00.000Z',
        plan: { uid: plan.uid, namespace: 'shop', name: 'one-answer' },
        workload: { kind: 'Deployment', name: 'one-answer', replicas: 3, services: ['ledger'] },
        grants: [
          'ServiceAccount shop/sa gets the use of restricted-v2',
          'ServiceAccount shop/sa loses the use of anyuid at the end, unless another of its pods needs it',
        ],
        gates: { metrics: [{ name: 'success-rate' }] },
        window: { expectedDurationSeconds: 600, mayStartAt: null, windows: [], notBefore: null },
        deadline: '2026-03-11T12:00:00.000Z',
        recorded: [],
      },
    );
  });

  it('of a finished plan is refused with the reason, and leaves the inbox', async () => {
    const plan = await waiting('finished');
    await plan.finish();
    expect(await inbox(plan.uid)).toEqual([]);
    await expect(plan.decide('bob')).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('the migration is over: completed'),
    });
    expect(await plan.entries('approval.closed')).toEqual({ entries: 1 });
  });

  it('that was granted grants nothing once its migration is over', async () => {
    const plan = await waiting('over');
    await plan.decide('bob');
    await plan.prepare();
    await plan.finish();
    expect(await plan.state()).toMatchObject({ status: 'expired', reason: 'the migration is over: completed' });
    expect(await plan.prepare()).toMatchObject({ allowed: false });
  });

  it('of a deleted plan is closed, also when it was deleted while no watch was open', async () => {
    const [told, missed] = [await waiting('deleted'), await waiting('deleted-unseen')];
    await database.admin.query(`update approval_request set requested_at = requested_at - interval '1 day'`);
    let tell: (key: string, current: unknown, previous: unknown) => void = () => undefined;
    const followed = followPlans({
      source: database.app,
      makeInformer: (_kind, onChange) => {
        tell = onChange;
        return {
          start: () => undefined,
          stop: () => undefined,
          synced: Promise.resolve(),
          lastContactMs: () => 0,
          list: () => [{ metadata: { uid: told.uid } }],
        };
      },
      logger: createLogger('test', 'silent'),
    });
    tell('shop/deleted', undefined, { metadata: { uid: told.uid } });
    // Stopping waits for what was taken over.
    await new Promise((resolve) => setImmediate(resolve));
    await followed.stop();
    for (const plan of [told, missed])
      await expect(plan.decide('bob')).rejects.toMatchObject({
        message: expect.stringContaining('the plan was deleted'),
      });
  });

  it('counts everybody who edited the plan as an author', async () => {
    const plan = await waiting('edited-by', { editors: ['eve'] });
    await expect(plan.decide('eve')).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(
      database.app.query(
        `insert into approval_decision (request, approver, role, decision)
         select id, 'eve', 'approver', 'approve' from approval_request where plan_uid = $1`,
        [plan.uid],
      ),
    ).rejects.toThrow('the author of a plan does not approve it');
    expect(await plan.decide('bob')).toMatchObject({ status: 'granted' });
  });

  it('asks for one person more in every role when the author is unknown', () => {
    const needs = ['approver', 'auditor'].map((role) => ({ role, count: 1, reason: 'policy' }));
    expect(needsWithoutAuthor(needs, null).map(({ count }) => count)).toEqual([2, 2]);
    expect(needsWithoutAuthor(needs, 'ana').map(({ count }) => count)).toEqual([1, 1]);
  });
});

describe('what was granted', () => {
  it('does not run out under a migration that has begun', async () => {
    const plan = await waiting('long');
    await plan.decide('bob');
    expect(await plan.prepare()).toMatchObject({ allowed: true });
    await inTx(database.app, (tx) => expireRequests(tx, new Date(NEXT_DAY)));
    expect(await plan.step('Migrate', NEXT_DAY)).toMatchObject({ allowed: true });
    expect(await plan.state(NEXT_DAY)).toMatchObject({ status: 'granted', expiresAt: null });
  });

  it('counts no longer when the approver lost the role, and can be given by another person', async () => {
    const lost = new Set<string>();
    const plan = await waiting('role-lost', {}, ({ name }) => Promise.resolve(!lost.has(name)));
    await plan.decide('bob');
    expect(await plan.prepare()).toMatchObject({ allowed: true });
    lost.add('bob');
    expect(await plan.step('Migrate')).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('bob is no longer approver in shop'),
    });
    expect(await plan.entries('approval.lapsed')).toEqual({ entries: 1 });
    expect(await plan.decide('eve')).toMatchObject({ status: 'granted', by: ['eve'] });
    expect(await plan.step('Migrate')).toMatchObject({ allowed: true });
  });
});

describe('the outbox', () => {
  const drain = async (deliver: Deliver, now: string): Promise<void> => {
    while (await relayOne(database.app, deliver, () => new Date(now)));
  };
  beforeAll(async () => {
    await database.app.query('update outbox set delivered_at = now() where delivered_at is null');
  });
  const later = '2100-01-01T00:00:00Z';

  it('delivers again what was delivered before a crash could be recorded', async () => {
    const plan = await waiting('relay-crash');
    await plan.decide('bob');
    const delivered: string[] = [];
    const crashing = database.app.transaction(async (tx) => {
      const nested = Object.assign(Object.create(database.app) as typeof database.app, {
        transaction: (work: (manager: typeof tx) => Promise<boolean>) => work(tx),
      });
      await relayOne(
        nested,
        ({ workflowId }) => Promise.resolve(delivered.push(workflowId)).then(() => 'delivered'),
        () => new Date(later),
      );
      throw new Error('crash before commit');
    });
    await expect(crashing).rejects.toThrow('crash before commit');
    await drain(({ workflowId }) => Promise.resolve(delivered.push(workflowId)).then(() => 'delivered'), later);
    await drain(({ workflowId }) => Promise.resolve(delivered.push(workflowId)).then(() => 'delivered'), later);
    expect(delivered).toEqual([`scc/shop/relay-crash/${plan.uid}`, `scc/shop/relay-crash/${plan.uid}`]);
  });

  it('holds no message of a decision that was rolled back', async () => {
    const plan = await waiting('decision-crash');
    await expect(
      inTx(database.app, async (tx) => {
        await recordDecision(
          tx,
          plan.uid,
          { decision: 'approve', contentHash: plan.answer.contentHash },
          at(NOON, person('bob', 'approver')),
        );
        throw new Error('crash before commit');
      }),
    ).rejects.toThrow('crash before commit');
    expect(await plan.messages()).toEqual({ messages: 0 });
    expect(await plan.state()).toMatchObject({ status: 'pending' });
  });

  it('tries again later when Temporal is away', async () => {
    const plan = await waiting('temporal-away');
    await plan.decide('bob');
    const now = new Date(Date.now() + 1000);
    await relayOne(
      database.app,
      () => Promise.reject(new Error('unavailable')),
      () => now,
    );
    expect(
      await row(database.app, 'select attempts, last_error, delivered_at from outbox where plan_uid = $1', plan.uid),
    ).toEqual({
      attempts: 1,
      last_error: 'unavailable',
      delivered_at: null,
    });
    expect(
      await relayOne(
        database.app,
        () => Promise.resolve('delivered'),
        () => now,
      ),
    ).toBe(false);
    await drain(() => Promise.resolve('delivered'), later);
    expect(
      await row(database.app, 'select delivered_at is not null as done from outbox where plan_uid = $1', plan.uid),
    ).toEqual({
      done: true,
    });
  });

  it('gives each message to one of several relays', async () => {
    const plans = await Promise.all(Array.from({ length: 10 }, (_none, number) => waiting(`relays-${number}`)));
    for (const plan of plans) await plan.decide('bob');
    const delivered: string[] = [];
    const deliver: Deliver = ({ workflowId }) => Promise.resolve(delivered.push(workflowId)).then(() => 'delivered');
    await Promise.all([drain(deliver, later), drain(deliver, later), drain(deliver, later)]);
    expect(delivered.toSorted()).toEqual(
      plans.map(({ uid, request }) => `scc/shop/${request.plan.name}/${uid}`).sort(),
    );
  });
});
