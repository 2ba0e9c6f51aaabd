import type { Position } from './carried.js';
import type { MigrationActivities } from './contract.js';
import { decideAfterAssessment } from './decide.js';
import { migrate, takeBack } from './migrate.js';
import { startOf } from './position.js';
import { spanOf } from './spans.js';
import { allowed, aPlan, aSpec, aTarget, aWorld, type InjectedFault } from './testing.js';
import { positionOfLost } from './undo.js';

const outline = { kind: 'CronJob' as const, strategy: 'NextRun' as const, workload: 'nightly', services: [] };
const pristine = {
  ...{ canary: 'absent', workload: 'before', canaryWeight: 0, mirroring: false, granted: false },
  ...{ sourceGranted: true, routesPrepared: false, moved: 0 },
};
const start = (): Position => startOf(aTarget().ref);

/** A CronJob whose runs take a moment. */
function aCronJob({
  trial = false,
  runs = true,
  fault,
  over = outline,
}: { trial?: boolean; runs?: boolean; fault?: InjectedFault; over?: Parameters<typeof allowed>[0] } = {}) {
  const plan = aPlan(aSpec(), { workload: 'nightly', run: { trial, waitMs: 60_000 } });
  return aWorld(fault, { plan, oneByOne: true, runs, assess: () => allowed(over, plan) });
}

describe('migrate a CronJob before its next run', () => {
  it.each([false, true])('changes its template and judges its next run (trial run: %s)', async (trial) => {
    const { world, events, breaches, fx } = aCronJob({ trial });
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'Completed' });
    expect(world).toEqual({ ...pristine, workload: 'after', granted: true, sourceGranted: false });
    expect(breaches).toEqual([]);
    const gates = events.flatMap((event) => (event.type === 'GatePassed' ? event.samples.map(({ gate }) => gate) : []));
    expect(gates).toEqual(trial ? ['trial-run', 'next-run'] : ['next-run']);
    expect(events).toContainEqual({
      type: 'WaitStarted',
      reason: 'Run',
      message: 'waiting for the next run of CronJob nightly to end, for 1 min at most',
    });
    expect(events.filter(({ type }) => type === 'WaitEnded')).toHaveLength(gates.length);
    expect(events.map(({ type }) => type)).not.toContain('CanaryReady');
    expect(events).toContainEqual({ type: 'WorkloadMigrationStarted', strategy: 'NextRun' });
  });

  it('asks governance before the change and before the end, and not again for the gates', async () => {
    const { fx } = aCronJob();
    const asked: string[] = [];
    let nowMs = 0;
    await migrate(
      start(),
      fx({
        now: () => (nowMs += 3_600_000),
        hold: () => Promise.reject(new Error('nothing is held')),
        clearance: ({ step, detail }) => {
          asked.push(`${step} ${detail}`);
          return Promise.resolve({ waited: false });
        },
      }),
    );
    expect([...new Set(asked)]).toEqual([
      'Prepare pods of nightly under restricted-v2',
      'Migrate nightly',
      'Finish remove the old grant',
    ]);
  });

  it.each<[keyof MigrationActivities, boolean, string[]]>([
    ['grantTarget', false, ['targetGrant']],
    ['confirmAdmission', true, ['targetGrant']],
    ['runTrial', true, ['trial', 'targetGrant']],
    ['migrateWorkload', true, ['workload', 'trial', 'targetGrant']],
    ['awaitRun', true, ['workload', 'trial', 'targetGrant']],
    ['awaitRun', false, ['workload', 'targetGrant']],
  ])('takes everything back when %s fails (trial run: %s)', async (activity, trial, steps) => {
    const { world, events, breaches, fx } = aCronJob({ trial, fault: { activity } });
    await expect(migrate(start(), fx())).resolves.toEqual({
      phase: 'RolledBack',
      message: `rolled back: ${activity} failed`,
    });
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
    expect(events.flatMap((event) => (event.type === 'UndoStepDone' ? [event.step] : []))).toEqual(steps);
  });

  it('records what the gate of a run saw when it failed, and no wait that goes on', async () => {
    const sample = { gate: 'next-run', verdict: 'fail', value: null, detail: 'run x failed', at: '' } as const;
    const { events, fx } = aCronJob({ fault: { activity: 'awaitRun', type: 'GateFailed', samples: [sample] } });
    await migrate(start(), fx());
    expect(events).toContainEqual({ type: 'GateFailed', samples: [sample] });
    const waits = events.filter((event) => 'reason' in event && event.reason === 'Run').map(({ type }) => type);
    expect(waits).toEqual(['WaitStarted', 'WaitEnded']);
  });

  it('waits for another run when an operator resumes after one that failed', async () => {
    const { world, fx } = aCronJob({ fault: { activity: 'awaitRun' } });
    const asked: unknown[] = [];
    const effects = fx({ now: () => 5_000 });
    const { awaitRun } = effects.act;
    effects.act.awaitRun = (target, request) => {
      asked.push(request);
      return awaitRun(target, request);
    };
    effects.attempt = (work) => work().catch(() => work());
    await expect(migrate(start(), effects)).resolves.toMatchObject({ phase: 'Completed' });
    expect(world.workload).toBe('after');
    expect(asked).toEqual([
      { sinceMs: null, untilMs: 65_000 },
      { sinceMs: 5_000, untilMs: 65_000 },
    ]);
  });

  it('undoes one whose workflow was lost, its trial run included', async () => {
    const { world, breaches, fx } = aCronJob();
    Object.assign(world, { workload: 'rolling', granted: true, canary: 'ready' });
    const position = positionOfLost(aTarget(outline));
    expect(position.undos.map(({ step }) => step)).toEqual([
      ...['sourceGrant', 'workload', 'trial', 'targetGrant', 'verification'],
    ]);
    await takeBack(position, fx());
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it('says in a dry run how long it would wait', () => {
    const plan = aPlan(aSpec(), { dryRun: true, run: { trial: true, waitMs: 86_400_000 } });
    expect(decideAfterAssessment(plan, allowed(outline, plan))).toMatchObject({
      message: expect.stringContaining(
        'Steps: grant restricted-v2, a trial run now, template, then its next run, which is waited for until it ends, for 24 h at most',
      ) as string,
    });
  });
});

describe('migrate what runs no pod', () => {
  const over = { ...outline, kind: 'StatefulSet' as const, workload: 'db', replicas: 0 };

  it('changes its template and waits for its first pods', async () => {
    const { world, events, fx } = aCronJob({ over });
    const effects = fx();
    const asked: unknown[] = [];
    const { awaitRun } = effects.act;
    effects.act.awaitRun = (target, request) => {
      asked.push(request.readyMs);
      return awaitRun(target, request);
    };
    await expect(migrate(start(), effects)).resolves.toMatchObject({ message: 'db runs under restricted-v2' });
    expect(world).toMatchObject({ workload: 'after', sourceGranted: false });
    expect(asked).toEqual([1_000]);
    expect(events).toContainEqual({
      ...{ type: 'WaitStarted', reason: 'Run' },
      message: 'waiting for the first pods of StatefulSet db to start, for 1 min at most',
    });
    expect(events.map(({ type }) => type)).toContain('WorkloadMigrated');
  });

  it.each([over, outline])('never says of a $kind that it was seen when it was not', async (one) => {
    const { world, events, breaches, fx } = aCronJob({ over: one, runs: false });
    await expect(migrate(start(), fx())).resolves.toEqual({
      phase: 'Completed',
      message: `${one.workload} is changed, nothing has run under restricted-v2 yet`,
    });
    expect(world).toEqual({ ...pristine, workload: 'after', granted: true, sourceGranted: true });
    expect(breaches).toEqual([]);
    expect(events.map(({ type }) => type)).not.toContain('WorkloadMigrated');
    expect(events).toContainEqual({
      ...{ type: 'SourceRevoked', bindings: [] },
      kept: 'nothing has run under restricted-v2 yet',
    });
    expect(events.at(-1)).toEqual({ type: 'MigrationCompleted', traffic: null, notObserved: true });
  });

  it('takes its template back when its first pods are not ready', async () => {
    const { world, breaches, fx } = aCronJob({ over, fault: { activity: 'awaitRun' } });
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'RolledBack' });
    expect([world, breaches]).toEqual([pristine, []]);
  });

  it('says in a dry run what it would wait for, and nothing of a bake', () => {
    const plan = aPlan(aSpec(), { dryRun: true, bakeMs: 60_000, run: { trial: false, waitMs: 86_400_000 } });
    expect(decideAfterAssessment(plan, allowed(over, plan))).toMatchObject({
      message: expect.stringMatching(
        /Steps: grant restricted-v2, template, then its first pods, which are waited for, for 24 h at most; where none starts, it ends as not observed\. Change/,
      ) as string,
    });
  });
});

it.each([
  [86_400_000, '24 h'],
  [5_400_000, '90 min'],
  [60_000, '1 min'],
  [2_000, '2 s'],
])('%d ms are %s', (ms, expected) => {
  expect(spanOf(ms)).toBe(expected);
});
