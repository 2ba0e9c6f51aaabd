import path from 'node:path';
import { jest } from '@jest/globals';
import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import { Client, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { planSpecSchema, TERMINAL_PHASES, type PlanStatus, type RecordedEvent } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { startWorkflowServer, type WorkflowServer } from '@scc/testing/workflow-server';
import {
  AFTER_WORKFLOW,
  afterWorkflowIdOf,
  commandSignal,
  commandUpdate,
  FAILURE,
  LOOKED_AFTER_MS,
  MIGRATION_WORKFLOW,
  planChangedSignal,
  statusQuery,
  UNDO_WORKFLOW,
  WEATHER,
  workflowIdOf,
  type Afterwards,
  type Lasting,
  type LiveSettings,
  type MigrationActivities,
  type MigrationResult,
  type RecordedAfterwards,
  type RecordedEnd,
  type RecordedOutcome,
} from './contract.js';
import { allowed, aPlan, aTarget, aWorld, type InjectedFault, pristine } from './testing.js';

const spec = planSpecSchema.parse({ workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' });

jest.setTimeout(120_000);

let server: WorkflowServer;
let client: Client;

beforeAll(async () => {
  server = await startWorkflowServer(path.resolve(import.meta.dirname, 'index.ts'), SUGGESTED_END);
  client = new Client({ connection: server.connection, namespace: server.temporal.namespace });
});

afterAll(() => server.stop());

/** Events after which Temporal suggests another run here: more than a plain migration has, few enough to send quickly. */
const SUGGESTED_END = 1000;

let queue = 0;

/** A worker of its own on the in-memory cluster; a hold lasts until it is released, for each weight. */
async function aMigration(
  options: {
    fault?: InjectedFault;
    accepted?: Parameters<typeof aPlan>[1];
    workflow?: string;
    recorded?: () => RecordedOutcome;
    after?: Afterwards;
    /** The work that is on record once the migration is over. */
    left?: RecordedAfterwards;
    /** How often a step is answered with the word that the plan has to be judged again first. */
    outdated?: number;
    /** The state that each look after the end sees; the last one again and again. */
    looks?: Lasting[];
  } = {},
) {
  const { world, breaches, fx } = aWorld(options.fault);
  const reported: RecordedEvent[] = [];
  const statuses: PlanStatus[] = [];
  const projections: number[] = [];
  const asked = { commands: 0, approvals: 0 };
  const held = new Set<number>();
  const durations: number[] = [];
  const state = {
    released: false,
    /** Holds of smaller weights are over at once. */
    holdFrom: 0,
    /** Longer holds last whatever their weight is. */
    holdBeyondMs: Infinity,
    live: null as LiveSettings | null,
    approval: 'pending' as 'pending' | 'granted' | 'refused',
    frozen: false,
    outdated: options.outdated ?? 0,
    away: false,
    /** Why nothing is taken from this run. */
    refusal: null as string | null,
    /** How often granting meets a fault that lasts. */
    faults: 0,
    proven: {} as { grantedTo?: string | null },
    /** The condition that an answer about a command waits for. */
    checking: Promise.resolve(),
    completed: false,
    /** Outcomes that plans were brought in line with; null stands for no end. */
    settled: [] as (RecordedEnd | null)[],
    /** How often a run let the next one go on. */
    handedOver: 0,
    /** Steps after the end, in order. */
    after: [] as string[],
  };
  const looks = [...(options.looks ?? [])];
  const steps = fx().act;
  const activities: MigrationActivities = {
    ...steps,
    acceptPlan: () => Promise.resolve({ accepted: true, plan: aPlan(spec, options.accepted) }),
    readLiveSettings: () => Promise.resolve(state.live),
    assess: () =>
      Promise.resolve(allowed(options.after ? { after: options.after } : {}, aPlan(spec, options.accepted))),
    recordedAfterwards: () => Promise.resolve(options.left ?? null),
    lookAfter: () => {
      const look = (looks.length > 1 ? looks.shift() : looks[0]) ?? 'over';
      state.after.push(look);
      return Promise.resolve(state.after.includes('revoked') ? 'over' : look);
    },
    revokeLater: () => {
      state.after.push('revoked');
      return Promise.resolve({ bindings: ['anyuid'], kept: null });
    },
    approvalState: () => {
      asked.approvals++;
      return Promise.resolve(
        state.approval === 'granted'
          ? { status: 'granted', by: ['bo'] }
          : { status: state.approval, message: 'not yet' },
      );
    },
    authorizeStep: () => {
      if (state.away) return Promise.reject(new Error('governance is away'));
      const isFrozen = state.frozen ? ('OtherPlan' as const) : null;
      const waitsFor = state.outdated-- > 0 ? ('Evaluation' as const) : isFrozen;
      const waits = { retryAtMs: waitsFor && Date.now() + 200, ...(waitsFor ? { waitsFor } : {}) };
      return Promise.resolve({ allowed: waitsFor === null, reason: 'r', ...waits, checkpoint: null });
    },
    checkCommand: async (_ref, { command }) => {
      asked.commands++;
      await state.checking;
      if (command === 'skip') return { allowed: false, reason: 'skip needs a grant' };
      return { allowed: true, reason: 'ok', ...state.proven };
    },
    takeOver: () => Promise.resolve(aTarget()),
    handOver: () => {
      state.handedOver++;
      return Promise.resolve();
    },
    project: (_ref, { status, unreported }) => {
      statuses.push(status);
      projections.push(unreported.length);
      if (state.refusal !== null) throw ApplicationFailure.nonRetryable(state.refusal, FAILURE.refused);
      if (state.away) return Promise.resolve({ reported: 'unreachable', checkpoint: null });
      reported.push(...unreported);
      return Promise.resolve({ reported: 'yes', checkpoint: `seen ${reported.length}` });
    },
    recordedOutcome: async () => Promise.resolve(options.recorded?.() ?? { known: true, end: null }),
    settlePlan: () => {
      state.settled.push(options.recorded?.().end ?? null);
      return Promise.resolve();
    },
    releasePlan: () => {
      state.completed = true;
      return Promise.resolve();
    },
    grantTarget: (target) => {
      if (state.faults-- > 0) throw ApplicationFailure.nonRetryable('503 the API server is shutting down', WEATHER);
      return steps.grantTarget(target);
    },
    hold: async (target, request) => {
      held.add(request.weight);
      durations.push(request.durationMs);
      while (!state.released && (request.weight >= state.holdFrom || request.durationMs > state.holdBeyondMs)) {
        cancellationSignal().throwIfAborted();
        heartbeat();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return steps.hold(target, request);
    },
  };
  const taskQueue = `q${++queue}`;
  const ref = { namespace: 'shop', name: `plan-${queue}`, uid: `u${queue}` };
  const worker = await Worker.create({
    connection: server.native,
    namespace: server.temporal.namespace,
    taskQueue,
    workflowBundle: server.workflowBundle,
    activities,
    stickyQueueScheduleToStartTimeout: '1s',
    maxHeartbeatThrottleInterval: '100ms',
    defaultHeartbeatThrottleInterval: '100ms',
  });
  const running = worker.run();
  const handle = (await client.workflow.start(options.workflow ?? MIGRATION_WORKFLOW, {
    workflowId: workflowIdOf(ref),
    taskQueue,
    args: [{ ref }],
  })) as WorkflowHandle<() => Promise<MigrationResult>>;
  return {
    ...{ world, breaches, durations, projections, asked, reported, statuses, state, handle },
    /** The activities that the history shows, in order. */
    activities: async () => {
      const { events } = await handle.fetchHistory();
      return (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
    },
    holdsAt: (weight: number) => {
      state.holdFrom = weight;
      return waitFor(() => held.has(weight), { timeoutMs: 20_000, what: `the hold at ${weight} %` });
    },
    saw: (type: string) =>
      waitFor(() => reported.some(({ event }) => event.type === type), { timeoutMs: 20_000, what: type }),
    /** The workflow that looks after the workload, once there is one. */
    after: () => client.workflow.getHandle(afterWorkflowIdOf(aTarget().ref)),
    end: async (alsoOver: () => Promise<unknown> = () => Promise.resolve()) => {
      try {
        const result = await handle.result();
        await alsoOver();
        return result;
      } finally {
        worker.shutdown();
        await running;
      }
    },
  };
}

describe('migrationWorkflow on a Temporal server', () => {
  it('completes, reports every event once and in order, and releases the plan after the last status', async () => {
    const migration = await aMigration();
    migration.state.released = true;
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.breaches).toEqual([]);
    expect(migration.reported.map(({ sequence }) => sequence)).toEqual(
      migration.reported.map((_event, index) => index),
    );
    expect(migration.statuses.at(-1)).toMatchObject({ phase: 'Completed', weight: 0 });
    expect(migration.statuses.at(-1)?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Finished', status: 'True' }),
    );
    expect(migration.state.completed).toBe(true);
    const { typedSearchAttributes } = await migration.handle.describe();
    const found = typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
    expect(Object.fromEntries(found)).toMatchObject({
      SccPhase: 'Completed',
      SccTarget: 'restricted-v2',
      SccRiskBand: 'low',
    });
  });

  it('undoes when the plan is deleted, out of the reach of its own cancellation', async () => {
    const migration = await aMigration();
    await migration.holdsAt(10);
    await migration.handle.cancel();
    await expect(migration.end()).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(migration.world).toEqual(pristine);
    expect(migration.reported.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({ type: 'UndoStarted', cause: 'deleted' }),
    );
  });

  it('holds its weights while paused by a signal, says so, and goes on after an update', async () => {
    const migration = await aMigration();
    await migration.holdsAt(0);
    await migration.handle.signal(commandSignal('pause'), { actor: 'ana' });
    await migration.saw('CommandApplied');
    migration.state.released = true;
    await migration.saw('WaitStarted');
    expect(migration.world.canaryWeight).toBe(0);
    const status = await migration.handle.query(statusQuery);
    expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Paused', status: 'True' }));
    const outcome = await migration.handle.executeUpdate(commandUpdate('resume'), { args: [{ actor: 'ana' }] });
    expect(outcome.applied).toBe(true);
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
  });

  it('names the sender of a command only as they say, where no token proves it', async () => {
    const { state, holdsAt, handle, end, reported } = await aMigration();
    state.proven = { grantedTo: null };
    await holdsAt(10).then(() => handle.signal(commandSignal('rollback'), { actor: 'boss' }));
    await end();
    expect(reported.find(({ event }) => event.type === 'CommandApplied')?.event).toMatchObject({
      actor: 'boss (as they say)',
    });
  });

  it('rolls back on a signal as the Web UI sends it, without any input', async () => {
    const migration = await aMigration();
    await migration.holdsAt(10);
    await migration.handle.signal('rollback');
    await expect(migration.end()).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(migration.world).toEqual(pristine);
    expect(migration.breaches).toEqual([]);
  });

  it('takes everything back on a signal that comes while it is watched at the end', async () => {
    const migration = await aMigration({ accepted: { bakeMs: 3_600_000 } });
    Object.assign(migration.state, { holdFrom: 101, holdBeyondMs: 60_000 });
    await migration.saw('BakeStarted');
    await migration.handle.signal('rollback');
    await expect(migration.end()).resolves.toMatchObject({ phase: 'RolledBack' });
    expect([migration.world, migration.breaches]).toEqual([pristine, []]);
  });

  it('refuses a command that makes no sense, and one that governance refuses, and says why', async () => {
    const migration = await aMigration();
    await migration.holdsAt(0);
    await expect(migration.handle.executeUpdate(commandUpdate('resume'), { args: [{}] })).rejects.toThrow(
      WorkflowUpdateFailedError,
    );
    await expect(migration.handle.executeUpdate(commandUpdate('skip'), { args: [{}] })).resolves.toEqual({
      applied: false,
      reason: 'skip needs a grant',
    });
    migration.state.released = true;
    await migration.end();
  });

  it('takes an edit of its interval over in the middle of a hold', async () => {
    const migration = await aMigration({
      accepted: { live: { generation: 1, suspended: false, intervalMs: 3_600_000, gates: spec.gates } },
    });
    await migration.holdsAt(10);
    migration.state.live = { generation: 2, suspended: false, intervalMs: 0, gates: spec.gates };
    migration.state.released = true;
    await migration.handle.signal(planChangedSignal, { generation: 2 });
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.durations).toEqual(expect.arrayContaining([0]));
  });

  it('takes a suspension of the plan over while it runs', async () => {
    const migration = await aMigration();
    await migration.holdsAt(0);
    migration.state.live = { generation: 2, suspended: true, intervalMs: 0, gates: spec.gates };
    await migration.handle.signal(planChangedSignal, { generation: 2 });
    migration.state.released = true;
    await migration.saw('WaitStarted');
    expect(migration.world.canaryWeight).toBe(0);
    migration.state.live = { ...migration.state.live, generation: 3, suspended: false };
    await migration.handle.signal(planChangedSignal, { generation: 3 });
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
  });

  it('waits for an approval that governance must have: the signal alone grants nothing', async () => {
    const migration = await aMigration({ accepted: { approvalRequired: true } });
    await migration.saw('ApprovalRequested');
    await migration.handle.signal('approve', { actor: 'mallory' });
    const { conditions } = await migration.handle.query(statusQuery);
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Approved', status: 'False' }));
    expect(migration.world).toEqual(pristine);
    migration.state.approval = 'granted';
    migration.state.released = true;
    await migration.handle.signal('approve');
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
  });

  it('holds where it is while governance is away, says why, and loses nothing', async () => {
    const migration = await aMigration();
    await migration.holdsAt(0);
    migration.state.away = true;
    migration.state.released = true;
    await waitFor(() => migration.statuses.at(-1)?.message?.includes('governance does not answer'), {
      timeoutMs: 20_000,
      what: 'a status that names governance',
    });
    expect(migration.world.canaryWeight).toBe(0);
    migration.state.away = false;
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.breaches).toEqual([]);
  });

  it('waits while governance names a time to come back, is judged again when it says so, and goes on by itself', async () => {
    const migration = await aMigration({ outdated: 1 });
    migration.state.released = true;
    migration.state.frozen = true;
    await migration.saw('WaitStarted');
    const { conditions } = await migration.handle.query(statusQuery);
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'WorkloadFree', status: 'False', message: 'r' }));
    expect(conditions?.map(({ type }) => type)).not.toContain('WindowOpen');
    migration.state.frozen = false;
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.reported.filter(({ event }) => event.type === 'FactsGathered').length).toBeGreaterThan(2);
  });

  it('flagger#1186: pauses on a failed step when the plan asks for it, and tries the step again on resume', async () => {
    const migration = await aMigration({
      accepted: { onFailure: 'Pause' },
      fault: { activity: 'hold', type: 'GateFailed', at: 3 },
    });
    migration.state.released = true;
    await waitFor(() => migration.statuses.at(-1)?.message?.includes('Resume to try again'), {
      timeoutMs: 20_000,
      what: 'the pause',
    });
    await migration.handle.executeUpdate(commandUpdate('resume'), { args: [{}] });
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.breaches).toEqual([]);
  });

  it('undoes a lost migration from the recorded pre-images', async () => {
    const migration = await aMigration({ workflow: UNDO_WORKFLOW });
    await expect(migration.end()).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(migration.reported[0]?.event).toMatchObject({ type: 'UndoStarted', cause: 'lost' });
    expect(migration.statuses.at(-1)?.phase).toBe('RolledBack');
  });
});

describe('messages', () => {
  it('that flood a migration start no activity each, and none is lost', async () => {
    const migration = await aMigration();
    await migration.holdsAt(0);
    await Promise.all(Array.from({ length: 200 }, () => migration.handle.signal(commandSignal('pause'), {})));
    await migration.saw('CommandApplied');
    await migration.handle.executeUpdate(commandUpdate('resume'), { args: [{}] });
    expect(migration.asked.commands).toBeLessThan(5);
    migration.state.released = true;
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
  });

  it('are answered also when they are still looked at as the migration ends', async () => {
    const migration = await aMigration();
    await migration.holdsAt(0);
    const check = Promise.withResolvers<undefined>();
    migration.state.checking = check.promise;
    const update = migration.handle.startUpdate(commandUpdate('pause'), { args: [{}], waitForStage: 'ACCEPTED' });
    const started = await update;
    migration.state.released = true;
    await migration.saw('MigrationCompleted');
    check.resolve(undefined);
    await expect(started.result()).resolves.toEqual({ applied: false, reason: 'the migration is over' });
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
  });

  it('make the history long, and the migration goes on from where it was in a new run', async () => {
    const migration = await aMigration({ accepted: { approvalRequired: true } });
    await migration.saw('ApprovalRequested');
    const first = (await migration.handle.describe()).runId;
    while ((await migration.handle.describe()).historyLength < SUGGESTED_END)
      await Promise.all(Array.from({ length: 200 }, () => migration.handle.signal('approve')));
    await waitFor(async () => (await migration.handle.describe()).runId !== first, {
      timeoutMs: 60_000,
      what: 'another run',
    });
    expect(migration.asked.approvals).toBeLessThan(100);
    expect(migration.state.handedOver).toBe(1);
    migration.state.approval = 'granted';
    migration.state.released = true;
    await migration.handle.signal('approve');
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.reported.map(({ sequence }) => sequence)).toEqual(
      migration.reported.map((_event, index) => index),
    );
    expect(migration.breaches).toEqual([]);
  });
});

describe('projections', () => {
  it('go together and are fewer than the events', async () => {
    const migration = await aMigration();
    migration.state.released = true;
    await migration.end();
    expect(migration.projections.reduce((sum, count) => sum + count, 0)).toBe(migration.reported.length);
    expect(migration.projections.length).toBeLessThan(migration.reported.length / 2);
  });

  it('end the run, in the middle of its work too, when nothing is taken from it', async () => {
    const migration = await aMigration();
    await migration.holdsAt(10);
    migration.state.refusal = 'the migration is over';
    await migration.handle.signal(commandSignal('pause'));
    await expect(migration.end()).rejects.toMatchObject({ cause: { cause: { message: 'the migration is over' } } });
    const { events } = await migration.handle.fetchHistory();
    expect(events?.filter((event) => event.workflowTaskFailedEventAttributes)).toEqual([]);
  });
});

describe('a fault that lasts', () => {
  it('is said with its cause while the step is tried again', async () => {
    const migration = await aMigration();
    migration.state.faults = 1;
    migration.state.released = true;
    await expect(migration.end()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.reported.map(({ event }) => event)).toContainEqual({
      type: 'WaitStarted',
      reason: 'Retry',
      message: expect.stringContaining('503 the API server is shutting down') as string,
    });
  });
});

describe('undoWorkflow', () => {
  it.each(TERMINAL_PHASES)('undoes nothing of a migration that is recorded as %s', async (phase) => {
    const end = { phase, message: 'all of it', at: '2026-11-24T00:00:00.000Z' };
    const migration = await aMigration({ workflow: UNDO_WORKFLOW, recorded: () => ({ known: true, end }) });
    await expect(migration.end()).resolves.toMatchObject({ phase });
    expect(migration.state.settled).toEqual([end]);
    expect(await migration.activities()).toEqual(['recordedOutcome', 'settlePlan']);
  });

  it('undoes nothing of a migration that governance never heard of', async () => {
    const migration = await aMigration({ workflow: UNDO_WORKFLOW, recorded: () => ({ known: false, end: null }) });
    await expect(migration.end()).rejects.toMatchObject({ cause: { type: FAILURE.refused } });
    expect(migration.state.settled).toEqual([null]);
    expect(await migration.activities()).toEqual(['recordedOutcome', 'settlePlan']);
  });

  it('is refused for the uid of another plan', async () => {
    const migration = await aMigration({
      workflow: UNDO_WORKFLOW,
      recorded: () => {
        throw ApplicationFailure.nonRetryable('u1 belongs to shop/ledger', FAILURE.refused);
      },
    });
    await expect(migration.end()).rejects.toMatchObject({ cause: { cause: { type: FAILURE.refused } } });
    expect(await migration.activities()).toEqual(['recordedOutcome']);
  });
});

describe('afterWorkflow', () => {
  const after = { revokeMs: 1_200 };
  const lookedAfter = () => ({ after, left: { target: { ...aTarget(), after }, endedMs: Date.now(), revoked: false } });

  it('revokes the source grant once the change has lasted without a break, and ends with its plan', async () => {
    const looks: Lasting[] = ['lasting', 'drifted', 'lasting'];
    const migration = await aMigration({ ...lookedAfter(), looks });
    migration.state.released = true;
    const end = await migration.end(async () => {
      expect(await migration.after().result()).toBe('nothing is left to look after');
    });
    expect(end).toMatchObject({ phase: 'Completed' });
    const acts = migration.state.after;
    expect(acts.slice(0, 3)).toEqual(['lasting', 'drifted', 'lasting']);
    expect(acts.filter((act) => act === 'revoked')).toHaveLength(1);
    // One look begins the time again, and another comes when it is over.
    expect(acts.indexOf('revoked') - acts.indexOf('drifted')).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ['has nothing to do where nothing is on record', null, 'governance has recorded nothing to look after', 0],
    ['revokes what was not revoked', false, 'the change has lasted', 1],
    ['revokes nothing twice', true, 'the change has lasted', 0],
  ] as const)('%s, begun from the record', async (_case, revoked, message, times) => {
    const record = { ...lookedAfter().left, endedMs: Date.now() - LOOKED_AFTER_MS - 60_000 };
    const left = revoked === null ? {} : { left: { ...record, revoked } };
    const migration = await aMigration({ ...left, looks: ['lasting'], workflow: AFTER_WORKFLOW });
    await expect(migration.end()).resolves.toBe(message);
    expect(migration.state.after.filter((act) => act === 'revoked')).toHaveLength(times);
  });

  it('is not begun where nothing is to be looked after', async () => {
    const migration = await aMigration();
    migration.state.released = true;
    await migration.end();
    expect(migration.state.after).toEqual([]);
  });
});
