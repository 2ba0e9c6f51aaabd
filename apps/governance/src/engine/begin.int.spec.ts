import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BeginRequest, GuardedActivity, WorkflowRun } from '@scc/governance-api';
import { afterWorkflowIdOf, undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import { aBatch, aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload, recorded, row } from '../governance.fixture.js';
import { report } from '../history/report.js';
import { governanceSuite } from '../suite.fixture.js';
import { authorizeStep } from './authorize.js';
import { begin, done } from './begin.js';
import { evaluatePlan } from './evaluate.js';
import { countUntrusted, outcomeOf } from './outcome.js';
import { handOver, seenRuns, takeOver } from './runs.js';

/** The steps that the engine may begin, for which run, and which ends its receipts cover. */

const database = governanceSuite();
const app = () => database.app;

let count = 0;
/** The runs that are under way, as Temporal would say. */
let running: Set<string>;
beforeEach(() => {
  running = new Set();
});
const isRunning = (workflowId: string, runId: string | null): Promise<boolean> =>
  Promise.resolve(running.has(runId === null ? workflowId : `${workflowId}/${runId}`));

/** A plan that was evaluated and whose steps were all allowed, and what a worker does for it. */
async function aPlan(after?: { revokeMs: number }) {
  const asked = aRequest(ownWorkload(`begun-${++count}`));
  const request = after ? { ...asked, target: { ...asked.target, after } } : asked;
  const { uid, namespace, name } = request.plan;
  const ids = { forward: workflowIdOf({ namespace, name, uid }), undo: undoWorkflowIdOf({ namespace, name, uid }) };
  const { contentHash } = await inTx(app(), (tx) => evaluatePlan(tx, request, at(NOON)));
  for (const step of ['Prepare', 'Mirror', 'Shift', 'Migrate', 'Finish'] as const)
    await inTx(app(), (tx) =>
      authorizeStep(tx, uid, { step, contentHash, detail: '' }, { ...at(NOON), holds: holdsAnyRole }),
    );
  const first = { workflowId: ids.forward, runId: 'r1' };
  const seen = (run: WorkflowRun) => seenRuns(app(), { uid, run, isRunning });
  let activities = 0;
  const start = async (activity: GuardedActivity, over: Partial<BeginRequest> = {}) => {
    const run = { ...first, ...over };
    const context = { ...at(NOON), seen: await seen(run) };
    const asked = { activityId: String(++activities), way: 'forward', weight: null, withoutGovernance: null } as const;
    return inTx(app(), (tx) => begin(tx, uid, { ...run, ...asked, activity, ...over }, context));
  };
  const perform = async (activity: GuardedActivity, over: Partial<BeginRequest> = {}) => {
    const verdict = await start(activity, over);
    expect(verdict).toMatchObject({ allowed: true });
    const key = { ...first, activityId: String(activities), ...over };
    await inTx(app(), (tx) => done(tx, uid, key, at(NOON)));
    return verdict;
  };
  const entries = async (action: string): Promise<number> =>
    (
      (await row(
        app(),
        `select count(*)::int as n from audit_entry where object_name = $1 and action = $2`,
        name,
        action,
      )) as { n: number }
    ).n;
  const { weights } = request.spec.traffic;
  return { request, uid, weights, ids, first, seen, start, perform, entries };
}

describe('begin', () => {
  it('hands out the target that was judged, writes one entry, and begins the same activity once', async () => {
    const plan = await aPlan();
    const once = await plan.start('recordPreImages', { activityId: 'a' });
    expect(once).toMatchObject({ allowed: true, sequence: 0, target: { templateAfter: expect.anything() as unknown } });
    expect(await plan.start('recordPreImages', { activityId: 'a' })).toMatchObject({ allowed: true, sequence: 0 });
    expect(await plan.entries('activity.begun')).toBe(1);
    expect(await plan.start('grantTarget', { activityId: 'a' })).toMatchObject({
      allowed: false,
      reason: 'activity a began as recordPreImages',
    });
  });

  it('is refused for a plan that was allowed nothing, and the refusal is audited', async () => {
    const request = aRequest(ownWorkload(`unasked-${++count}`));
    const { uid, namespace, name } = request.plan;
    await inTx(app(), (tx) => evaluatePlan(tx, request, at(NOON)));
    const run = { workflowId: workflowIdOf({ namespace, name, uid }), runId: 'r1' };
    const context = { ...at(NOON), seen: await seenRuns(app(), { uid, run, isRunning }) };
    const asked = {
      activityId: '1',
      activity: 'grantTarget',
      way: 'forward',
      weight: null,
      withoutGovernance: null,
    } as const;
    const verdict = await inTx(app(), (tx) => begin(tx, uid, { ...run, ...asked }, context));
    expect(verdict).toMatchObject({
      allowed: false,
      target: null,
      reason: expect.stringContaining('Prepare') as unknown,
    });
    expect(await row(app(), `select action from audit_entry where entry_id = $1`, verdict.receipt?.entryId)).toEqual({
      action: 'activity.refused',
    });
  });

  it('is refused out of order, replayed by a reset run, and for a workflow that is not the plan’s', async () => {
    const plan = await aPlan();
    expect(await plan.start('grantTarget')).toMatchObject({ allowed: false });
    await plan.perform('recordPreImages');
    await plan.perform('grantTarget');
    expect(await plan.start('migrateWorkload')).toMatchObject({ allowed: false });
    const reset = { ...plan.first, runId: 'r2' };
    expect(await plan.start('grantTarget', reset)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('another run only undoes it') as unknown,
    });
    expect(await plan.start('confirmAdmission', { workflowId: 'rogue' })).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('rogue is no workflow of this plan') as unknown,
    });
  });

  it('writes so many refusals of one plan and no more', async () => {
    const plan = await aPlan();
    for (let attempt = 0; attempt < 30; attempt++) await plan.start('grantTarget', { workflowId: 'rogue' });
    expect(await plan.entries('activity.refused')).toBe(20);
  });
});

const BEFORE_WEIGHTS = ['grantTarget', 'confirmAdmission', 'createCanary', 'awaitCanary', 'prepareRoutes'] as const;
const AT_END = ['restoreRoutes', 'removeCanary', 'revokeSource', 'summarizeTraffic'] as const;

describe('the time after a migration', () => {
  it('has its source grant revoked once the change has lasted, by the workflow that looks after it', async () => {
    const HOUR_MS = 3_600_000;
    const plan = await aPlan({ revokeMs: HOUR_MS });
    const { namespace, name, uid } = plan.request.plan;
    await plan.perform('recordPreImages');
    for (const activity of BEFORE_WEIGHTS) await plan.perform(activity);
    for (const weight of plan.weights) {
      await plan.perform('setWeights', { weight });
      await plan.perform('hold', { weight });
    }
    for (const activity of ['migrateWorkload', 'awaitWorkload'] as const) await plan.perform(activity);
    await plan.perform('setWeights', { weight: 0 });
    for (const activity of AT_END) await plan.perform(activity);
    const own = { workflowId: afterWorkflowIdOf({ namespace, name, uid }), runId: 'a1' };
    const revoke = async (afterMs: number, over: Partial<BeginRequest> = {}) => {
      const context = { ...at(new Date(Date.parse(NOON) + afterMs).toISOString()), seen: await plan.seen(own) };
      const asked = { activity: 'revokeLater', way: 'forward', weight: null, withoutGovernance: null } as const;
      const activityId = `revoke-${afterMs}-${Object.values(over).join()}`;
      return inTx(app(), (tx) => begin(tx, uid, { ...own, ...asked, activityId, ...over }, context));
    };
    expect(await revoke(9 * HOUR_MS)).toMatchObject({ allowed: false });
    const events = recorded([
      ['Validating', { type: 'PlanAccepted', generation: 1, author: 'ana' }],
      ['Completed', { type: 'MigrationCompleted', traffic: null }],
    ]);
    const context = { ...at(NOON), seen: await plan.seen(plan.first) };
    await inTx(app(), (tx) => report(tx, uid, { ...aBatch(plan.request, events), ...plan.first }, context));
    expect((await outcomeOf(app(), uid)).end?.phase).toBe('Completed');
    expect(await revoke(0)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('must last until') as unknown,
    });
    expect(await revoke(9 * HOUR_MS, plan.first)).toMatchObject({ allowed: false });
    expect((await outcomeOf(app(), uid)).afterwards).toMatchObject({
      target: { after: { revokeMs: HOUR_MS } },
      revoked: false,
    });
    expect(await revoke(9 * HOUR_MS)).toMatchObject({ allowed: true, target: { after: { revokeMs: HOUR_MS } } });
    // Not done: whoever goes on after a crash may do it.
    expect(await revoke(10 * HOUR_MS)).toMatchObject({ allowed: true });
    const activityId = `revoke-${10 * HOUR_MS}-`;
    await inTx(app(), (tx) => done(tx, uid, { ...own, activityId }, at(NOON)));
    expect((await outcomeOf(app(), uid)).afterwards).toMatchObject({ revoked: true });
    // The same activity may say so again; a workflow that was begun anew revokes nothing a second time.
    expect(await revoke(10 * HOUR_MS)).toMatchObject({ allowed: true });
    expect(await revoke(11 * HOUR_MS)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('already') as unknown,
    });
  });
});

describe('a migration', () => {
  it('passes to the next run only when it was handed over', async () => {
    const plan = await aPlan();
    await plan.perform('recordPreImages');
    const next = { ...plan.first, runId: 'r2' };
    expect(await inTx(app(), (tx) => handOver(tx, plan.uid, next, at(NOON)))).toMatchObject({ allowed: false });
    expect(await inTx(app(), (tx) => handOver(tx, plan.uid, plan.first, at(NOON)))).toMatchObject({ allowed: true });
    await plan.perform('grantTarget', next);
    expect(await plan.start('confirmAdmission')).toMatchObject({ allowed: false });
  });

  it('is not taken over while it runs, also before it began anything', async () => {
    const plan = await aPlan();
    const undo = { workflowId: plan.ids.undo, runId: 'u1' };
    const take = async () => {
      const context = { ...at(NOON), seen: await plan.seen(undo) };
      return inTx(app(), (tx) => takeOver(tx, plan.uid, undo, context));
    };
    running.add(plan.ids.forward);
    expect(await take()).toMatchObject({ allowed: false, target: null });
    await plan.perform('recordPreImages');
    expect(await take()).toMatchObject({ allowed: false, target: null });
    expect(await plan.start('withdrawTargetGrant', { ...undo, way: 'back' })).toMatchObject({ allowed: false });
    running.clear();
    expect(await take()).toMatchObject({ allowed: true, target: expect.anything() as unknown });
    expect(await plan.start('grantTarget')).toMatchObject({ allowed: false });
    await plan.perform('withdrawTargetGrant', { ...undo, way: 'back' });
  });

  it('whose end no receipts cover is untrusted, until an undo with receipts ends it', async () => {
    const plan = await aPlan();
    const before = await countUntrusted(app());
    await plan.perform('recordPreImages');
    await plan.start('grantTarget');
    const lie = recorded([
      ['Validating', { type: 'PlanAccepted', generation: 1, author: 'ana' }],
      ['Completed', { type: 'MigrationCompleted', traffic: null }],
    ]);
    const tell = async (events: typeof lie, run: WorkflowRun = plan.first) => {
      const context = { ...at(NOON), seen: await plan.seen(run) };
      return inTx(app(), (tx) => report(tx, plan.uid, { ...aBatch(plan.request, events), ...run }, context));
    };
    expect((await tell(lie)).untrusted).toContain('no receipt of grantTarget');
    expect(await outcomeOf(app(), plan.uid)).toMatchObject({
      end: null,
      begun: true,
      untrusted: expect.any(String) as unknown,
    });
    expect(await row(app(), 'select outcome, phase from view_migration where plan_uid = $1', plan.uid)).toEqual({
      outcome: 'untrusted',
      phase: 'Validating',
    });
    expect(await plan.entries('migration.untrusted')).toBe(1);
    expect(await countUntrusted(app())).toBe(before + 1);

    const undo = { workflowId: plan.ids.undo, runId: 'u1' };
    for (const activity of ['withdrawTargetGrant', 'compareWithPreImages'] as const)
      await plan.perform(activity, { ...undo, way: 'back' });
    const undone = recorded([['RolledBack', { type: 'UndoFinished', differences: [] }]]);
    expect((await tell(undone, undo)).untrusted).toBeNull();
    expect((await outcomeOf(app(), plan.uid)).end?.phase).toBe('RolledBack');
    expect(await plan.start('withdrawTargetGrant', { ...undo, way: 'back' })).toMatchObject({
      allowed: false,
      reason: 'the migration is over: RolledBack; apply a new plan',
    });
    const again = { ...plan.first, runId: 'r9' };
    expect(
      (await tell(recorded([['RollingBack', { type: 'UndoStarted', cause: 'lost', message: 'm' }]]), again)).stranger,
    ).toContain('is over');
  });

  it('that began while a report was under way takes the events of its own run, and those of no other', async () => {
    const plan = await aPlan();
    const events = recorded([['Mirroring', { type: 'PreparationStarted' }]]);
    const before = await plan.seen(plan.first);
    expect(before.owner).toBeNull();
    await plan.perform('recordPreImages');
    const reportOf = (run: WorkflowRun) =>
      inTx(app(), (tx) =>
        report(tx, plan.uid, { ...aBatch(plan.request, events), ...run }, { ...at(NOON), seen: before }),
      );
    await expect(reportOf({ ...plan.first, runId: 'r2' })).rejects.toThrow('changed hands');
    expect(await reportOf(plan.first)).toMatchObject({ accepted: 1, stranger: null });
  });

  it('that a restored database does not know is taken over with its undo, and ends as it did', async () => {
    const request = aRequest(ownWorkload(`lost-${++count}`));
    const { uid, namespace, name } = request.plan;
    const run = { workflowId: workflowIdOf({ namespace, name, uid }), runId: 'r1' };
    const context = async () => ({ ...at(NOON), seen: await seenRuns(app(), { uid, run, isRunning }) });
    const asked = { way: 'back', weight: null, withoutGovernance: new Date(NOON).toISOString() } as const;
    const tell = async (activity: GuardedActivity) => {
      const told = { ...run, ...asked, activityId: activity, activity };
      const known = await context();
      return inTx(app(), (tx) => begin(tx, uid, told, known));
    };
    await expect(tell('restoreRoutes')).rejects.toThrow('no migration');
    const events = recorded([
      ['RollingBack', { type: 'UndoStarted', cause: 'lost', message: 'm' }],
      ['RolledBack', { type: 'UndoFinished', differences: [] }],
    ]);
    const reported = async (from: number, to: number) => {
      const batch = { ...aBatch(request, events.slice(from, to)), ...run };
      const seen = await context();
      return inTx(app(), (tx) => report(tx, uid, batch, seen));
    };
    expect(await reported(0, 1)).toMatchObject({ accepted: 1, stranger: null });
    for (const activity of ['restoreRoutes', 'withdrawTargetGrant', 'compareWithPreImages'] as const) {
      expect(await tell(activity)).toMatchObject({ allowed: true });
      await inTx(app(), (tx) => done(tx, uid, { ...run, activityId: activity }, at(NOON)));
    }
    expect(await reported(0, 2)).toMatchObject({ accepted: 1, duplicates: 1, untrusted: null });
    expect((await outcomeOf(app(), uid)).end?.phase).toBe('RolledBack');
  });

  it('takes no events from a run that does not have it', async () => {
    const plan = await aPlan();
    await plan.perform('recordPreImages');
    running.add(plan.ids.forward).add(`${plan.ids.forward}/r1`);
    const events = recorded([['Completed', { type: 'MigrationCompleted', traffic: null }]]);
    for (const run of [
      { workflowId: 'rogue', runId: 'r1' },
      { workflowId: plan.ids.undo, runId: 'u1' },
      { workflowId: plan.ids.forward, runId: 'r2' },
    ]) {
      const context = { ...at(NOON), seen: await plan.seen(run) };
      const told = await inTx(app(), (tx) =>
        report(tx, plan.uid, { ...aBatch(plan.request, events), ...run }, context),
      );
      expect(told).toMatchObject({ accepted: 0, stranger: expect.any(String) as unknown });
    }
    expect(await row(app(), 'select count(*)::int as n from migration_event where plan_uid = $1', plan.uid)).toEqual({
      n: 0,
    });
  });
});
