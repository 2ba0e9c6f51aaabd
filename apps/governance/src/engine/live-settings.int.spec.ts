import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { approvalViewSchema, liveVerdictSchema, stepVerdictSchema } from '@scc/governance-api';
import { workflowIdOf } from '@scc/migration/contract';
import type { LiveParts } from '@scc/plan';
import { z } from 'zod';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import { aRequest, ownWorkload } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';

/** Edits of a running plan: what tightens takes effect, what loosens is asked about again. */

const cluster = new TestCluster();
cluster.mayDo = () => true;
const worker = cluster.issue('system:serviceaccount:scc-system:worker');
const bo = cluster.issue('bo', { groups: ['approvers'] });
const database = governanceSuite();
let guarded: GuardedApi;

beforeAll(async () => {
  guarded = await startGuarded(database.app, { cluster });
  await database.app.query(
    `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ('approver', 'Group', 'approvers', '*', 'test')`,
  );
}, 60_000);
afterAll(() => guarded.close(), 60_000);

const planOf = (name: string, required: boolean, generation = 1) => {
  const own = ownWorkload(name);
  const metrics = [{ name: 'success', preset: 'request-success-rate' as const, min: 99 }];
  const spec = { ...own.spec, approval: { required }, gates: { metrics } };
  const request = aRequest({ ...own, spec });
  const author = { username: 'ana', uid: 'uid-of-ana', groups: [], extra: {} };
  const uid = `uid-of-${name}`;
  return { ...request, plan: { ...request.plan, uid, generation, author: 'ana', authorIdentity: author } };
};
type Plan = ReturnType<typeof planOf>;

const post = async (token: string, { plan }: Plan, path: string, body: unknown): Promise<unknown> =>
  (await guarded.call(token, 'POST', `/v1/migrations/${plan.uid}/${path}`, body)).body;
const evaluate = async (plan: Plan) =>
  z.object({ contentHash: z.string(), verdict: z.string() }).parse(await post(worker, plan, 'evaluations', plan));
const asks = async (plan: Plan, contentHash: string, step: string) =>
  stepVerdictSchema.parse(await post(worker, plan, 'steps', { step, contentHash, detail: step }));
const view = async ({ plan }: Plan) =>
  approvalViewSchema.parse((await guarded.call(worker, 'GET', `/v1/migrations/${plan.uid}/approval`)).body);
const decide = async (plan: Plan, decision: 'approve' | 'refuse') =>
  post(bo, plan, 'approvals', { decision, contentHash: (await view(plan)).contentHash });
const edit = async (plan: Plan, generation: number, change: (parts: LiveParts) => void) => {
  const parts = structuredClone({ gates: plan.spec.gates, traffic: { interval: plan.spec.traffic.interval } });
  change(parts);
  const verdict = await post(worker, plan, 'live-settings', { generation, editors: [], ...parts });
  return { parts, ...liveVerdictSchema.parse(verdict) };
};
const withoutGates = ({ gates }: LiveParts): void => {
  gates.metrics = [];
};
const stricter = ({ gates: { metrics } }: LiveParts): void => {
  if (metrics[0]) metrics[0].min = 99.9;
};
const reasonsOf = async ({ plan }: Plan): Promise<unknown[]> =>
  database.app.query('select status, reason from approval_request where plan_uid = $1 order by id', [plan.uid]);
const messagesTo = async ({ plan }: Plan): Promise<unknown[]> =>
  database.app.query(`select signal, payload from outbox where workflow_id = $1 and signal <> 'approve' order by id`, [
    workflowIdOf(plan),
  ]);

/** A migration that somebody approved and that has begun. */
async function approved(name: string) {
  const plan = planOf(name, true);
  const { contentHash } = await evaluate(plan);
  await decide(plan, 'approve');
  expect(await asks(plan, contentHash, 'Prepare')).toMatchObject({ allowed: true });
  return { plan, contentHash };
}

describe('an edit of a running plan', () => {
  it('takes effect when it only tightens, and leaves the approval alone', async () => {
    const { plan, contentHash } = await approved('tightened');
    const { inForce, parts } = await edit(plan, 2, stricter);
    expect(inForce).toEqual(parts);
    expect(await asks(plan, contentHash, 'Shift')).toMatchObject({ allowed: true });
    expect(await reasonsOf(plan)).toMatchObject([{ status: 'granted' }]);
  });

  it('that loosens closes the approval with the true reason, holds the next step, and counts once it is approved', async () => {
    const { plan, contentHash } = await approved('loosened');
    const { inForce, reason } = await edit(plan, 2, withoutGates);
    expect(inForce?.gates.metrics).toHaveLength(1);
    const why = 'the plan was edited while it runs: spec.gates.metrics[success]: removed';
    expect(reason).toBe(`${why}. It has to be approved`);
    expect(await reasonsOf(plan)).toEqual([
      { status: 'withdrawn', reason: why },
      { status: 'pending', reason: null },
    ]);
    for (const step of ['Shift', 'Migrate'])
      expect(await asks(plan, contentHash, step)).toMatchObject({
        allowed: false,
        waitsFor: 'Reapproval',
        reason: expect.stringContaining('spec.gates.metrics[success]: removed') as unknown,
      });
    expect((await view(plan)).warnings).toEqual(['edited while it runs: spec.gates.metrics[success]: removed']);

    await decide(plan, 'approve');
    expect(await messagesTo(plan)).toMatchObject([{ signal: 'planChanged', payload: { generation: 3 } }]);
    expect((await edit(plan, 2, withoutGates)).inForce?.gates.metrics).toEqual([]);
    expect(await asks(plan, contentHash, 'Shift')).toMatchObject({ allowed: true });
  });

  it('stops the migration when nobody wants what it loosens', async () => {
    const { plan, contentHash } = await approved('refused');
    await edit(plan, 2, withoutGates);
    await decide(plan, 'refuse');
    expect(await asks(plan, contentHash, 'Shift')).toMatchObject({ allowed: false, retryAt: null });
    expect((await edit(plan, 2, withoutGates)).inForce?.gates.metrics).toHaveLength(1);
  });

  it('that is taken back is asked about again, for the approval has ended', async () => {
    const { plan, contentHash } = await approved('taken-back');
    await edit(plan, 2, withoutGates);
    expect((await edit(plan, 3, stricter)).inForce?.gates.metrics).toMatchObject([{ min: 99.9 }]);
    expect(await asks(plan, contentHash, 'Shift')).toMatchObject({ allowed: false, waitsFor: 'Reapproval' });
    await decide(plan, 'approve');
    expect(await asks(plan, contentHash, 'Shift')).toMatchObject({ allowed: true });
  });

  it('while it waits for its approval is part of what is approved', async () => {
    const plan = planOf('waiting', true);
    const before = await evaluate(plan);
    await edit(plan, 2, withoutGates);
    await decide(plan, 'approve');
    const after = await evaluate(plan);
    expect(after.contentHash).not.toBe(before.contentHash);
    expect(await asks(plan, after.contentHash, 'Prepare')).toMatchObject({ allowed: true });
  });

  it('takes effect at once where nobody has to approve the plan', async () => {
    const plan = planOf('free', false);
    const { contentHash, verdict } = await evaluate(plan);
    expect(verdict).toBe('allow');
    expect((await edit(plan, 2, withoutGates)).inForce?.gates.metrics).toEqual([]);
    expect(await asks(plan, contentHash, 'Prepare')).toMatchObject({ allowed: true });
  });

  it('of a plan that was never evaluated changes nothing', async () => {
    const plan = planOf('unknown', false);
    await database.app.query('insert into migration (plan_uid, namespace, name) values ($1, $2, $3)', [
      plan.plan.uid,
      plan.plan.namespace,
      plan.plan.name,
    ]);
    expect(await edit(plan, 2, withoutGates)).toMatchObject({ inForce: null });
  });
});
