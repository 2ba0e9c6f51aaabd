import { planSpecSchema } from '@scc/plan';
import type { Position } from './carried.js';
import { FAILURE, type Assessment, type MigrationActivities } from './contract.js';
import type { Effects } from './effects.js';
import { migrate, takeBack } from './migrate.js';
import { HandOver, startOf } from './position.js';
import { allowed, aPlan, aTarget, aWorld, type InjectedFault, pristine } from './testing.js';
import { positionOfLost } from './undo.js';

const plan = aPlan(
  planSpecSchema.parse({ workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' }),
);
const migrated = { ...pristine, workload: 'after', granted: true, sourceGranted: false };
const rolledBack = (cause: string) => ({ phase: 'RolledBack', message: `rolled back: ${cause}` });
const start = (): Position => startOf(aTarget().ref);

describe('migrate', () => {
  it('fluxcd/flagger#1851: moves the workload behind the canary, which keeps its requests, and leaves nothing of the canary', async () => {
    const { world, events, breaches, fx } = aWorld();
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'Completed' });
    expect(world).toEqual(migrated);
    expect(breaches).toEqual([]);
    expect(events.flatMap((event) => (event.type === 'WeightShifted' ? [event.weights.canary] : []))).toEqual([
      10, 25, 50, 75, 100, 50, 0,
    ]);
  });

  it('says what was seen of the own pods before they are rolled, and nothing where nothing was looked at', async () => {
    const { events, fx } = aWorld();
    const { act } = fx();
    const asked: unknown[] = [];
    const seen = { isSilent: true, restsOn: 'counters' as const, message: 'no request reached them' };
    const migrateWorkload: MigrationActivities['migrateWorkload'] = async (target, begunMs) => {
      asked.push(begunMs);
      await act.migrateWorkload(target, begunMs);
      return seen;
    };
    await migrate(start(), fx({ act: { ...act, migrateWorkload } }));
    expect(asked).toEqual([expect.any(Number)]);
    const types = events.map(({ type }) => type);
    const begun = types.indexOf('WorkloadMigrationStarted');
    expect(events.slice(begun + 1, begun + 3)).toEqual([
      { type: 'StableSideSeen', ...seen },
      expect.objectContaining({ type: 'WorkloadMigrated' }),
    ]);

    const earlier = aWorld();
    await migrate(start(), earlier.fx());
    expect(earlier.events.map(({ type }) => type)).not.toContain('StableSideSeen');
  });

  it.each([
    ['proxies', [20_000, 40_000]],
    ['bound', [undefined, undefined]],
  ] as const)('says how long everything has led to one side, known by %s', async (verifiedBy, expected) => {
    const { fx } = aWorld();
    const { act } = fx();
    const asked: (number | undefined)[] = [];
    let nowMs = 0;
    const later = async <T>(work: Promise<T>): Promise<T> => {
      const result = await work;
      nowMs += 20_000;
      return result;
    };
    const over: Partial<MigrationActivities> = {
      setWeights: async (...args) => ({ ...(await act.setWeights(...args)), verifiedBy }),
      restoreRoutes: (...args) => later(act.restoreRoutes(...args)),
      migrateWorkload: (target, begunMs, ledForMs) => {
        asked.push(ledForMs);
        return act.migrateWorkload(target, begunMs);
      },
      removeCanary: (target, ledForMs) => {
        asked.push(ledForMs);
        return act.removeCanary(target);
      },
    };
    const hold: Effects['hold'] = () => later(Promise.resolve([]));
    await migrate(start(), fx({ act: { ...act, ...over }, hold, now: () => nowMs }));
    expect(asked).toEqual(expected);
  });

  it('looks at shared data before a canary starts where the plan wants that, and makes none where the census fails', async () => {
    const assess = () => allowed(aTarget(), { ...plan, census: 'BeforeCanary' as const });
    const { world, events, fx } = aWorld({ activity: 'callWebhooks', at: 1 }, { assess });
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(world).toEqual(pristine);
    expect(events.map(({ type }) => type)).not.toContain('CanaryReady');

    const good = aWorld(undefined, { assess });
    const moments: unknown[] = [];
    const { act } = good.fx();
    const callWebhooks: MigrationActivities['callWebhooks'] = (target, request) => {
      moments.push([request.at, good.world.canary]);
      return act.callWebhooks(target, request);
    };
    const end = await migrate(start(), good.fx({ act: { ...act, callWebhooks } }));
    expect(end).toMatchObject({ phase: 'Completed' });
    expect(moments).toEqual([['BeforeCanary', pristine.canary]]);
  });

  it('begins nothing again whose end is on record', async () => {
    const { world, events, fx } = aWorld();
    const over = { phase: 'Completed' as const, message: 'all of it', at: '2026-11-24T00:00:00.000Z' };
    const act = { ...fx().act, acceptPlan: () => Promise.resolve({ accepted: false as const, over }) };
    await expect(migrate(start(), fx({ act }))).resolves.toMatchObject({ phase: 'Completed' });
    expect([world, events]).toEqual([pristine, []]);
  });

  it('undoes, and does not begin again, what an earlier workflow began according to the record', async () => {
    const { world, breaches, fx } = aWorld();
    Object.assign(world, {
      canary: 'ready',
      canaryWeight: 100,
      workload: 'after',
      granted: true,
      routesPrepared: true,
    });
    const act: MigrationActivities = {
      ...fx().act,
      acceptPlan: () => Promise.resolve({ accepted: false, unfinished: true }),
      takeOver: () => Promise.resolve(aTarget()),
    };
    const end = await migrate(start(), fx({ act }));
    expect(end).toEqual(rolledBack('the workflow of this migration was lost'));
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it.each<[keyof MigrationActivities, number]>([
    ['grantTarget', 1],
    ['confirmAdmission', 1],
    ['createCanary', 1],
    ['awaitCanary', 1],
    ['prepareRoutes', 1],
    ['setMirror', 1],
    ['setMirror', 2],
    ['hold', 1],
    ['setWeights', 1],
    ['setWeights', 3],
    ['setWeights', 5],
    ['hold', 4],
    ['migrateWorkload', 1],
    ['awaitWorkload', 1],
    ['setWeights', 6],
    ['hold', 7],
    ['setWeights', 7],
    ['hold', 8],
  ])('restores everything, and serves every request meanwhile, when %s fails at call %d', async (activity, at) => {
    const { world, breaches, fx } = aWorld({ activity, at });
    await expect(migrate(start(), fx())).resolves.toEqual(rolledBack(`${activity} failed`));
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it.each<keyof MigrationActivities>(['restoreRoutes', 'removeCanary', 'revokeSource', 'summarizeTraffic'])(
    'goes forward, not back, when %s fails once all requests are served by the migrated workload',
    async (activity) => {
      const { world, breaches, fx } = aWorld({ activity });
      await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'Completed' });
      expect(world).toEqual(migrated);
      expect(breaches).toEqual([]);
    },
  );

  it('fluxcd/flagger#1898, #1931: keeps the canary serving until the old template is back when the rollout fails after promotion', async () => {
    const { world, breaches, fx } = aWorld({ activity: 'awaitWorkload', type: FAILURE.rollout });
    await expect(migrate(start(), fx())).resolves.toEqual(rolledBack('awaitWorkload failed'));
    expect(breaches).toEqual([]);
    expect(world).toEqual(pristine);
  });

  it('touches nothing when the plan is refused, and reports every violation', async () => {
    const violations = ['A', 'B'].map((code) => ({ code, field: 'spec', message: code, remedy: code }));
    const facts = { sourceSCC: null, pods: [], services: [] };
    const { world, events, fx } = aWorld(undefined, { assess: () => ({ ok: false, facts, violations }) });
    await expect(migrate(start(), fx())).resolves.toMatchObject({
      phase: 'Rejected',
    });
    expect(world).toEqual(pristine);
    expect(events).toEqual([
      { type: 'PlanAccepted', generation: 1, author: 'ana' },
      { type: 'FactsGathered', ...facts, targetSCC: 'restricted-v2' },
      { type: 'PlanRejected', violations },
    ]);
  });

  it('touches nothing in a dry run and shows the patch and the steps', async () => {
    const { world, events, fx } = aWorld(undefined, { plan: { ...plan, dryRun: true } });
    await migrate(start(), fx());
    expect(world).toEqual(pristine);
    expect(events.map(({ type }) => type)).toEqual([
      'PlanAccepted',
      'FactsGathered',
      'RiskScored',
      'PlanValidated',
      'DryRunFinished',
    ]);
    expect(events.at(-1)).toEqual({
      type: 'DryRunFinished',
      message: expect.stringContaining('10→25→50→75→100') as string,
    });
  });

  it('touches nothing before the approval is there', async () => {
    const refusal = { code: 'ApprovalRefused', field: 'spec', message: 'no', remedy: 'ask again' };
    const assessment = allowed();
    assessment.governance.verdict = 'requireApproval';
    assessment.governance.approvals = [{ role: 'approver', count: 2 }];
    const { world, fx } = aWorld(undefined, { assess: () => assessment });
    const asked: unknown[] = [];
    const awaitApproval = (roles: unknown) => {
      asked.push(roles, { ...world });
      return Promise.resolve(refusal);
    };
    await expect(migrate(start(), fx({ awaitApproval }))).resolves.toMatchObject({
      phase: 'Rejected',
    });
    expect(asked).toEqual([[{ role: 'approver', count: 2 }], pristine]);
    expect(world).toEqual(pristine);
  });

  it('changes nothing more once governance refuses a step', async () => {
    const { world, breaches, fx } = aWorld();
    const clearance = ({ step, detail }: { step: string; detail: string }) =>
      step === 'Shift' && detail === '50 %' ? Promise.reject(new Error('frozen')) : Promise.resolve({ waited: false });
    await expect(migrate(start(), fx({ clearance }))).resolves.toEqual(rolledBack('frozen'));
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });
});

describe('an end that is waited for', () => {
  const HOUR_MS = 3_600_000;
  /** Governance lets each of the first ends begin an hour later only. */
  const waiting = (hours: number, oneByOne = false, fault?: InjectedFault) => {
    const { world, events, breaches, fx } = aWorld(fault, {
      oneByOne,
      assess: () => allowed(oneByOne ? { strategy: 'Ordered' } : {}),
    });
    let nowMs = 0;
    const finishes: number[] = [];
    const lastHolds: Parameters<Effects['hold']>[0][] = [];
    const clearance: Effects['clearance'] = ({ step }) => {
      if (step === 'Finish') {
        if (finishes.length < hours) nowMs += HOUR_MS;
        finishes.push(nowMs);
      }
      return Promise.resolve({ waited: false });
    };
    const effects = fx();
    const hold: Effects['hold'] = (request) => {
      if (finishes.length > 0) lastHolds.push(request);
      return effects.hold(request);
    };
    return {
      ...{ world, events, breaches, finishes, lastHolds },
      run: () => migrate(start(), { ...effects, clearance, hold, now: () => nowMs }),
    };
  };

  it.each([false, true])('has the gates judge what is answered now, then asks again (one by one: %s)', async (one) => {
    const migration = waiting(2, one);
    await expect(migration.run()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.finishes).toEqual([HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS]);
    expect(migration.lastHolds).toMatchObject(
      [HOUR_MS, 2 * HOUR_MS].map((at) => ({
        ...{ weight: 0, durationMs: null, sinceMs: at, workloadSinceMs: at },
        ...(one ? { partition: 0 } : {}),
      })),
    );
    expect(migration.breaches).toEqual([]);
  });

  it('is not judged once more when it was not waited for', async () => {
    const migration = waiting(0);
    await migration.run();
    expect([migration.finishes, migration.lastHolds]).toEqual([[0], []]);
  });

  it('does not come when the last window is bad: everything is taken back, and nothing was taken away', async () => {
    const migration = waiting(1, false, { activity: 'hold', at: 9 });
    await expect(migration.run()).resolves.toEqual(rolledBack('hold failed'));
    expect(migration.lastHolds).toHaveLength(1);
    expect(migration.world).toEqual(pristine);
    expect(migration.events.map(({ type }) => type)).not.toContain('CanaryRemoved');
    expect(migration.breaches).toEqual([]);
  });
});

describe('what was assessed long ago', () => {
  const HOUR_MS = 3_600_000;
  /** Assessments in turn, the last one again and again; waiting for the window takes an hour. */
  const late = (...assessments: Assessment[]) => {
    let asked = 0;
    let nowMs = 0;
    const assess = () => assessments[Math.min(asked++, assessments.length - 1)] ?? allowed();
    const { world, events, fx } = aWorld(undefined, { assess });
    const awaitStart = () => {
      if (asked === 1) nowMs += HOUR_MS;
      return Promise.resolve();
    };
    return {
      world,
      events,
      asked: () => asked,
      run: () => migrate(start(), fx({ awaitStart, now: () => nowMs })),
    };
  };
  const other = (over: Partial<ReturnType<typeof allowed>['governance']>): Assessment => {
    const assessment = allowed();
    Object.assign(assessment.governance, { contentHash: 'another', ...over });
    return assessment;
  };

  it('is assessed once more and goes on when nothing has changed', async () => {
    const migration = late(allowed());
    await expect(migration.run()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.asked()).toBe(2);
  });

  it('is assessed once more after any wait for another migration', async () => {
    let asked = 0;
    const assess = () => {
      asked++;
      return allowed();
    };
    const { fx } = aWorld(undefined, { assess });
    const clearance = ({ step }: { step: string }) => Promise.resolve({ waited: step === 'Prepare' && asked === 1 });
    await migrate(start(), fx({ clearance }));
    expect(asked).toBe(2);
  });

  it('is assessed once more when governance says so, and then asked for the step again', async () => {
    const steps: string[] = [];
    let asked = 0;
    const assess = () => {
      asked++;
      return allowed();
    };
    const { world, fx } = aWorld(undefined, { assess });
    const clearance: Effects['clearance'] = ({ step }) => {
      steps.push(step);
      if (step === 'Prepare') expect(world).toEqual(pristine);
      return Promise.resolve(asked === 1 ? { waited: true, outdated: true } : { waited: false });
    };
    await expect(migrate(start(), fx({ clearance }))).resolves.toMatchObject({ phase: 'Completed' });
    expect([asked, steps.filter((step) => step === 'Prepare')]).toEqual([2, ['Prepare', 'Prepare']]);
  });

  it('is judged again when something has changed, before anything is touched', async () => {
    const violations = [{ code: 'X', field: 'spec', message: 'not any more', remedy: 'ask' }];
    const migration = late(allowed(), other({ verdict: 'deny', violations }));
    await expect(migration.run()).resolves.toMatchObject({ phase: 'Rejected', message: 'not any more' });
    expect(migration.world).toEqual(pristine);
  });

  it('goes on as it is now when what has changed is allowed as well', async () => {
    const migration = late(allowed(), other({}));
    await expect(migration.run()).resolves.toMatchObject({ phase: 'Completed' });
    expect(migration.asked()).toBe(2);
  });
});

describe('a migration whose workflow was lost', () => {
  const lost = () => positionOfLost(aTarget());

  it.each([0, 25, 100])('is restored when it stood at %d %%', async (canaryWeight) => {
    const { world, breaches, fx } = aWorld();
    Object.assign(world, { canary: 'ready', canaryWeight, granted: true, routesPrepared: true });
    await expect(takeBack(lost(), fx())).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it('has its template restored behind the canary when the workload was rolling out', async () => {
    const { world, breaches, fx } = aWorld();
    Object.assign(world, {
      canary: 'ready',
      canaryWeight: 100,
      workload: 'broken',
      granted: true,
      routesPrepared: true,
    });
    await takeBack(lost(), fx());
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it('gets its old grant back before its old template, which could not start pods without it', async () => {
    const { world, breaches, fx } = aWorld();
    Object.assign(world, { workload: 'after', granted: true, sourceGranted: false });
    await takeBack(lost(), fx());
    expect(world).toEqual(pristine);
    expect(breaches).not.toContain('the old template without its grant');
  });
});

describe('gates', () => {
  const sample = { gate: 'success-rate', value: 78.8, detail: '78.8 is below 90', at: '' };

  it('that fail are recorded with what they saw, before the undo begins', async () => {
    const samples = [{ ...sample, verdict: 'fail' as const }];
    const { events, fx } = aWorld({ activity: 'hold', type: FAILURE.gate, at: 2, samples });
    await migrate(start(), fx());
    const from = events.findIndex(({ type }) => type === 'GateFailed');
    expect(events.slice(from, from + 2)).toEqual([
      { type: 'GateFailed', samples },
      expect.objectContaining({ type: 'UndoStarted', message: 'hold failed' }),
    ]);
  });
});

/** Runs a migration whose host ends each run at the next step, so that every step has a run of its own. */
async function runByRun(fault?: InjectedFault) {
  const { world, events, breaches, fx } = aWorld(fault);
  let position = start();
  for (let runs = 1; runs < 100; runs++) {
    let steps = 0;
    const short = fx({
      clearance: () => (steps++ > 0 ? Promise.reject(new HandOver('long')) : Promise.resolve({ waited: false })),
      hold: (request) => (steps++ > 0 ? Promise.reject(new HandOver('long')) : fx().hold(request)),
    });
    // Only plain data goes from one run to the next.
    position = JSON.parse(JSON.stringify(position)) as Position;
    try {
      const result = await migrate(position, short);
      return { result, runs, world, events, breaches };
    } catch (error) {
      if (!(error instanceof HandOver)) throw error;
    }
  }
  throw new Error('the migration does not end');
}

describe('a migration that goes from run to run', () => {
  const types = (events: { type: string }[]) => events.map(({ type }) => type).filter((type) => type !== 'GatePassed');

  it('does everything once, as in one run', async () => {
    const { world, events, fx } = aWorld();
    await migrate(start(), fx());
    const inParts = await runByRun();
    expect(inParts.runs).toBeGreaterThan(8);
    expect(inParts.world).toEqual(world);
    expect(types(inParts.events)).toEqual(types(events));
    expect(inParts.breaches).toEqual([]);
  });

  it('takes back in a later run what an earlier one did', async () => {
    const { result, world, breaches } = await runByRun({ activity: 'awaitWorkload', type: FAILURE.rollout });
    expect(result).toEqual(rolledBack('awaitWorkload failed'));
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it('goes on with an undo where the last run stopped', async () => {
    const { world, events, fx } = aWorld({ activity: 'removeCanary' });
    const position = positionOfLost(aTarget());
    Object.assign(world, { canary: 'ready', granted: true, routesPrepared: true });
    const undoFailed = () => Promise.reject(new HandOver('long'));
    await expect(takeBack(position, fx({ undoFailed }))).rejects.toThrow(HandOver);
    const done = events.length;
    await takeBack(JSON.parse(JSON.stringify(position)) as Position, fx());
    expect(world).toEqual(pristine);
    expect(events.slice(done).map((event) => ('step' in event ? event.step : event.type))).toEqual([
      'canary',
      'targetGrant',
      'UndoFinished',
    ]);
  });
});
