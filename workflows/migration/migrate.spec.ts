import { planSpecSchema } from '@scc/plan';
import { FAILURE, type Assessment, type MigrationActivities } from './contract.js';
import { migrate, undoLost } from './migrate.js';
import { allowed, aPlan, aTarget, aWorld } from './testing.js';

const plan = aPlan(
  planSpecSchema.parse({ workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' }),
);
const always = (assessment: Assessment) => () => Promise.resolve(assessment);
const pristine = {
  canary: 'absent',
  workload: 'before',
  canaryWeight: 0,
  mirroring: false,
  granted: false,
  routesPrepared: false,
};

describe('migrate', () => {
  it('moves the workload behind the canary and leaves nothing of the canary', async () => {
    const { world, events, breaches, fx } = aWorld();
    await expect(migrate(plan, always(allowed()), fx())).resolves.toMatchObject({ phase: 'Completed' });
    expect(world).toEqual({ ...pristine, workload: 'after', granted: true });
    expect(breaches).toEqual([]);
    expect(events.flatMap((event) => (event.type === 'WeightShifted' ? [event.weights.canary] : []))).toEqual([
      10, 25, 50, 75, 100, 50, 0,
    ]);
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
    await expect(migrate(plan, always(allowed()), fx())).rejects.toThrow(`${activity} failed`);
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it.each<keyof MigrationActivities>(['restoreRoutes', 'removeCanary', 'revokeSource', 'summarizeTraffic'])(
    'goes forward, not back, when %s fails once all requests are served by the migrated workload',
    async (activity) => {
      const { world, breaches, fx } = aWorld({ activity });
      await expect(migrate(plan, always(allowed()), fx())).resolves.toMatchObject({ phase: 'Completed' });
      expect(world).toEqual({ ...pristine, workload: 'after', granted: true });
      expect(breaches).toEqual([]);
    },
  );

  it('keeps the canary serving until the old template is back when the rollout fails after promotion', async () => {
    const { world, breaches, fx } = aWorld({ activity: 'awaitWorkload', type: FAILURE.rollout });
    await expect(migrate(plan, always(allowed()), fx())).rejects.toThrow('awaitWorkload failed');
    expect(breaches).toEqual([]);
    expect(world).toEqual(pristine);
  });

  it('touches nothing when the plan is refused, and reports every violation', async () => {
    const { world, events, fx } = aWorld();
    const violations = ['A', 'B'].map((code) => ({ code, field: 'spec', message: code, remedy: code }));
    const facts = { sourceSCC: null, pods: [], services: [] };
    await expect(migrate(plan, always({ ok: false, facts, violations }), fx())).resolves.toMatchObject({
      phase: 'Rejected',
    });
    expect(world).toEqual(pristine);
    expect(events).toEqual([{ type: 'PlanRejected', violations }]);
  });

  it('touches nothing in a dry run and shows the patch and the steps', async () => {
    const { world, events, fx } = aWorld();
    await migrate({ ...plan, dryRun: true }, always(allowed()), fx());
    expect(world).toEqual(pristine);
    expect(events).toEqual([{ type: 'DryRunFinished', message: expect.stringContaining('10→25→50→75→100') as string }]);
  });

  it('touches nothing before the approval is there', async () => {
    const { world, fx } = aWorld();
    const refusal = { code: 'ApprovalRefused', field: 'spec', message: 'no', remedy: 'ask again' };
    const assessment = allowed();
    assessment.governance.verdict = 'requireApproval';
    assessment.governance.approvals = [{ role: 'approver', count: 2 }];
    const asked: unknown[] = [];
    const awaitApproval = (roles: unknown) => {
      asked.push(roles, { ...world });
      return Promise.resolve(refusal);
    };
    await expect(migrate(plan, always(assessment), fx({ awaitApproval }))).resolves.toMatchObject({
      phase: 'Rejected',
    });
    expect(asked).toEqual([[{ role: 'approver', count: 2 }], pristine]);
    expect(world).toEqual(pristine);
  });

  it('changes nothing more once governance refuses a step', async () => {
    const { world, breaches, fx } = aWorld();
    const proceed = (step: string, detail: string) =>
      step === 'Shift' && detail === '50 %' ? Promise.reject(new Error('frozen')) : Promise.resolve(false);
    await expect(migrate(plan, always(allowed()), fx({ proceed }))).rejects.toThrow('frozen');
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });
});

describe('what was assessed long ago', () => {
  const HOUR_MS = 3_600_000;
  /** Assessments in turn, the last one again and again; waiting for the window takes an hour. */
  const late = (...assessments: Assessment[]) => {
    let asked = 0;
    let nowMs = 0;
    const { world, events, fx } = aWorld();
    const assess = () => Promise.resolve(assessments[Math.min(asked++, assessments.length - 1)] ?? allowed());
    const awaitStart = () => {
      if (asked === 1) nowMs += HOUR_MS;
      return Promise.resolve();
    };
    return {
      world,
      events,
      asked: () => asked,
      run: () => migrate(plan, assess, fx({ awaitStart, now: () => nowMs })),
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
    const { fx } = aWorld();
    const assess = () => {
      asked++;
      return Promise.resolve(allowed());
    };
    const proceed = (step: string) => Promise.resolve(step === 'Prepare' && asked === 1);
    await migrate(plan, assess, fx({ proceed }));
    expect(asked).toBe(2);
  });

  it('is judged anew when something has changed, before anything is touched', async () => {
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

describe('undoLost', () => {
  it.each([0, 25, 100])('restores a lost migration that stood at %d %%', async (canaryWeight) => {
    const { world, breaches, fx } = aWorld();
    Object.assign(world, { canary: 'ready', canaryWeight, granted: true, routesPrepared: true });
    await expect(undoLost(aTarget(), [], fx())).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });

  it('restores the template behind the canary when the workload was rolling out', async () => {
    const { world, breaches, fx } = aWorld();
    Object.assign(world, {
      canary: 'ready',
      canaryWeight: 100,
      workload: 'broken',
      granted: true,
      routesPrepared: true,
    });
    await undoLost(aTarget(), [], fx());
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });
});
