import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { emergencyStopSchema, itemsSchema, stepVerdictSchema, stopAnswerSchema } from '@scc/governance-api';
import { undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import { z } from 'zod';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import type { IsRunning } from '../approvals/temporal.js';
import { Refusal } from '../refusal/refusal.js';
import { aBatch, aRequest, completedEvents, ownWorkload, recorded } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { unreachedBy } from './reach.js';

const cluster = new TestCluster();
cluster.mayDo = () => true;
const worker = cluster.issue('system:serviceaccount:scc-system:worker');
const root = cluster.issue('root', { groups: ['system:masters'] });
const ofShop = cluster.issue('olga', { groups: ['shop-operators'] });
const viewer = cluster.issue('vera', { groups: ['viewers'] });
const database = governanceSuite();
let guarded: GuardedApi;

/** What Temporal says of workflows; all run unless a case says otherwise. */
let isRunning: IsRunning = () => Promise.resolve(true);

beforeAll(async () => {
  guarded = await startGuarded(database.app, { cluster, isRunning: (...asked) => isRunning(...asked) });
  for (const [role, subject, namespaces] of [
    ['operator', 'shop-operators', 'shop'],
    ['viewer', 'viewers', '*'],
  ])
    await database.app.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ($1, 'Group', $2, $3, 'test')`,
      [role, subject, namespaces],
    );
}, 60_000);
afterAll(() => guarded.close(), 60_000);

const author = { username: 'ana', uid: 'uid-of-ana', groups: [], extra: {} };
const planOf = (name: string, namespace = 'shop') => {
  const request = aRequest(ownWorkload(name));
  return { ...request, plan: { ...request.plan, namespace, author: 'ana', authorIdentity: author } };
};
type Plan = ReturnType<typeof planOf>;

async function evaluated(name: string, namespace?: string): Promise<Plan & { contentHash: string }> {
  const plan = planOf(name, namespace);
  const { body } = await guarded.call(worker, 'POST', `/v1/migrations/${plan.plan.uid}/evaluations`, plan);
  return { ...plan, ...z.object({ contentHash: z.string() }).parse(body) };
}
async function asks({ plan, contentHash }: Plan & { contentHash: string }, step: string) {
  const question = { step, contentHash, detail: step };
  const { body } = await guarded.call(worker, 'POST', `/v1/migrations/${plan.uid}/steps`, question);
  return stepVerdictSchema.parse(body);
}
async function begun(name: string, namespace?: string) {
  const plan = await evaluated(name, namespace);
  expect(await asks(plan, 'Prepare')).toMatchObject({ allowed: true });
  return plan;
}

const REASON = 'requests fail in the shop';
const stop = (token: string, over: object = {}) =>
  guarded.call(token, 'POST', '/v1/stops', { namespace: 'shop', takeBack: false, reason: REASON, ...over });
const stopped = async (token: string, over: object = {}) => stopAnswerSchema.parse((await stop(token, over)).body);
const lift = (token: string, id: string) =>
  guarded.call(token, 'POST', `/v1/stops/${id}/lift`, { reason: 'the shop is well again' });
const inForce = async (token: string) =>
  itemsSchema(emergencyStopSchema).parse((await guarded.call(token, 'GET', '/v1/stops')).body).items;
const did = ({ migrations }: z.infer<typeof stopAnswerSchema>, { plan }: Plan) =>
  migrations.find(({ uid }) => uid === plan.uid)?.did;
const messagesTo = async ({ plan }: Plan): Promise<unknown[]> =>
  (
    await database.app.query<{ signal: string }[]>('select signal from outbox where workflow_id = $1 order by id', [
      workflowIdOf(plan),
    ])
  ).map(({ signal }) => signal);
const auditOf = async (action: string): Promise<unknown[]> =>
  database.app.query('select body from audit_entry where action = $1 order by id', [action]);

describe('an emergency stop', () => {
  it('holds what has begun where it is and keeps the rest from beginning, until it is lifted', async () => {
    const running = await begun('held');
    const waiting = await evaluated('not-begun');
    const elsewhere = await begun('elsewhere', 'other');

    const answer = await stopped(ofShop);
    expect(did(answer, running)).toBe('held');
    expect(did(answer, waiting)).toBe('notBegun');
    expect(did(answer, elsewhere)).toBeUndefined();

    const why = `olga stopped the migrations of the namespace shop: ${REASON} (sccctl stop lift ${answer.id})`;
    const held = { allowed: false, waitsFor: 'Stopped', reason: why, retryAt: expect.any(String) as unknown };
    for (const step of ['Shift', 'Migrate', 'Finish']) expect(await asks(running, step)).toMatchObject(held);
    expect(await asks(waiting, 'Prepare')).toMatchObject(held);
    expect(await asks(elsewhere, 'Shift')).toMatchObject({ allowed: true });
    expect(await asks(running, 'Undo')).toMatchObject({ allowed: true });
    expect(await messagesTo(running)).toEqual([]);

    expect((await lift(ofShop, answer.id)).status).toBe(200);
    expect(await asks(running, 'Shift')).toMatchObject({ allowed: true });
    expect(await messagesTo(running)).toEqual(['approve']);
    expect((await lift(ofShop, answer.id)).status).toBe(409);
  });

  it('takes back what has begun and leaves alone what has ended', async () => {
    const running = await begun('taken-back');
    const waiting = await evaluated('never-begun');
    const over = await begun('over');
    const batch = aBatch(over, recorded(completedEvents));
    expect((await guarded.call(worker, 'POST', `/v1/migrations/${over.plan.uid}/events`, batch)).status).toBe(200);

    const answer = await stopped(root, { namespace: null, takeBack: true });
    expect([running, waiting, over].map((plan) => did(answer, plan))).toEqual(['takenBack', 'notBegun', undefined]);
    expect(await asks(running, 'Shift')).toMatchObject({ allowed: false, retryAt: null });
    expect(await asks(waiting, 'Prepare')).toMatchObject({ allowed: false, waitsFor: 'Stopped' });
    expect(await messagesTo(running)).toEqual(['rollback']);
    expect(await messagesTo(waiting)).toEqual([]);
    await lift(root, answer.id);
  });

  it('takes back when one of two stops does', async () => {
    const running = await begun('twice');
    const [hold, back] = [await stopped(ofShop), await stopped(root, { namespace: null, takeBack: true })];
    expect(await asks(running, 'Shift')).toMatchObject({ allowed: false, retryAt: null });
    await lift(root, back.id);
    expect(await asks(running, 'Shift')).toMatchObject({ allowed: false, waitsFor: 'Stopped' });
    await lift(root, hold.id);
  });

  it('is for those who hold its permission where it works', async () => {
    expect((await stop(viewer)).status).toBe(403);
    expect((await stop(ofShop, { namespace: null })).status).toBe(403);
    expect((await stop(ofShop, { namespace: 'other' })).status).toBe(403);
    const everywhere = await stopped(root, { namespace: null });
    expect((await lift(ofShop, everywhere.id)).status).toBe(403);
    expect((await lift(viewer, '999999')).status).toBe(403);
    expect(await inForce(viewer)).toMatchObject([{ id: everywhere.id, by: 'root', reason: REASON }]);
    await lift(root, everywhere.id);
    expect(await inForce(viewer)).toEqual([]);
  });

  it('keeps from beginning what was written after it, and also what was judged by other facts since', async () => {
    const before = await evaluated('judged-before');
    const { id } = await stopped(root, { namespace: null, takeBack: true });
    const after = await evaluated('written-after', 'other');
    for (const plan of [before, after])
      expect(await asks(plan, 'Prepare')).toMatchObject({ allowed: false, waitsFor: 'Stopped' });
    await lift(root, id);
    expect(await asks(after, 'Prepare')).toMatchObject({ allowed: true });
  });

  it('reaches every one of a thousand migrations, and says what it did to each', async () => {
    const places = Array.from({ length: 1000 }, (_none, at) => `many-${at}`);
    await database.app.query(
      `insert into migration (plan_uid, namespace, name) select name, 'crowd', name from unnest($1::text[]) as name`,
      [places],
    );
    const answer = await stopped(root, { namespace: 'crowd' });
    expect(answer.migrations.map(({ uid }) => uid).sort()).toEqual(places.toSorted());
    await lift(root, answer.id);
  });

  describe('names the workflows that it does not reach', () => {
    afterEach(() => {
      isRunning = () => Promise.resolve(true);
    });
    const unreached = async (plans: Plan[], over: object = {}) => {
      const answer = await stopped(root, { namespace: null, ...over });
      await lift(root, answer.id);
      return answer.unreached.filter(({ uid }) => plans.some(({ plan }) => plan.uid === uid));
    };

    it('none where all of them run, as themselves or as an undo', async () => {
      const plans = [await begun('reached'), await begun('reached-undoing')];
      isRunning = (id) => Promise.resolve(id !== workflowIdOf(plans[1]!.plan));
      expect(await unreached(plans)).toEqual([]);
    });

    it('those that do not run, held or taken back, and none that has touched nothing', async () => {
      const [lost, waiting] = [await begun('lost'), await evaluated('lost-and-not-begun')];
      const ids = [lost, waiting].map(({ plan }) => workflowIdOf(plan));
      isRunning = (id) => Promise.resolve(!ids.includes(id) && id !== undoWorkflowIdOf(lost.plan));
      for (const takeBack of [false, true])
        expect(await unreached([lost, waiting], { takeBack })).toEqual([
          {
            ...{ uid: lost.plan.uid, namespace: 'shop', name: lost.plan.name, workflowId: workflowIdOf(lost.plan) },
            reason: 'no workflow of this migration runs',
          },
        ]);
    });

    it('all of them without Temporal, and is in force all the same', async () => {
      const plan = await begun('without-temporal');
      isRunning = () => Promise.reject(new Refusal('unavailable', 'no answer'));
      const answer = await stopped(root, { namespace: null });
      expect(answer.unreached).toHaveLength(answer.migrations.filter(({ did }) => did !== 'notBegun').length);
      expect(answer.unreached).toContainEqual(
        expect.objectContaining({ uid: plan.plan.uid, reason: 'Temporal does not say whether its workflow runs' }),
      );
      expect(await asks(plan, 'Shift')).toMatchObject({ allowed: false, waitsFor: 'Stopped' });
      await lift(root, answer.id);
    });

    it('what Temporal leaves without an answer in time', async () => {
      const one = { uid: 'u', namespace: 'shop', name: 'slow', phase: 'Mirroring', did: 'undoing' } as const;
      expect(await unreachedBy([one], () => new Promise<boolean>(() => undefined), 20)).toEqual([
        {
          uid: 'u',
          namespace: 'shop',
          name: 'slow',
          workflowId: undoWorkflowIdOf(one),
          reason: expect.any(String) as unknown,
        },
      ]);
    });
  });

  it('needs a reason', async () => expect((await stop(ofShop, { reason: 'because' })).status).toBe(400));

  it('is in the audit log, with what it did to each migration', async () => {
    expect((await auditOf('stop.set')).length).toBeGreaterThan(0);
    expect((await auditOf('stop.lifted')).length).toBeGreaterThan(0);
    expect((await auditOf('migration.stopped')).length).toBeGreaterThan(2);
  });
});
