import { describe, expect, it } from '@jest/globals';
import { GUARDED_ACTIVITIES, type GuardedActivity } from '@scc/governance-api';
import { STEPS, type Step } from '@scc/plan';
import {
  againstLater,
  againstOrder,
  type Begun,
  decideRun,
  type MigrationOwner,
  type RunFacts,
  uncovered,
  type RunWay,
} from './order.js';

const ids = { forward: 'scc/shop/ledger/u1', undo: 'scc-undo/shop/ledger/u1' };
const first = { workflowId: ids.forward, runId: 'r1' };
const second = { workflowId: ids.forward, runId: 'r2' };
const undo = { workflowId: ids.undo, runId: 'u1' };
const has = (over: Partial<MigrationOwner> = {}): MigrationOwner => ({
  ...first,
  way: 'forward',
  handedOver: false,
  ...over,
});
const facts = (owner: MigrationOwner | null, rival = false): RunFacts => ({ ids, owner, rival });

describe('decideRun', () => {
  it.each<[string, { workflowId: string; runId: string }, RunWay, RunFacts, MigrationOwner]>([
    ['the first run', first, 'forward', facts(null), has()],
    ['the run that has it', first, 'forward', facts(has()), has()],
    ['the same run, undoing', first, 'back', facts(has()), has({ way: 'back' })],
    ['the next run after a hand-over', second, 'forward', facts(has({ handedOver: true })), has(second)],
    ['another run when the first has ended, undoing', second, 'back', facts(has()), has({ ...second, way: 'back' })],
    ['the undo when the migration has ended', undo, 'back', facts(has()), has({ ...undo, way: 'back' })],
    ['the undo of a migration that began nothing', undo, 'back', facts(null), has({ ...undo, way: 'back' })],
  ])('lets %s act', (...[, run, way, seen, owner]) => {
    expect(decideRun(run, way, seen)).toEqual({ allowed: true, owner });
  });

  it.each<[string, { workflowId: string; runId: string }, RunWay, RunFacts, string]>([
    [
      'a workflow of another name',
      { workflowId: 'mine', runId: 'r' },
      'forward',
      facts(null),
      'is no workflow of this plan',
    ],
    [
      'the workflow of another plan',
      { workflowId: 'scc/shop/ledger/u2', runId: 'r' },
      'back',
      facts(has()),
      'is no workflow',
    ],
    ['an undo that goes on', undo, 'forward', facts(null), 'carries nothing on'],
    ['an undo beside a running migration', undo, 'back', facts(has(), true), 'has the migration and is running'],
    ['an undo before a running migration began anything', undo, 'back', facts(null, true), 'is running'],
    ['a reset run that goes on', second, 'forward', facts(has()), 'another run only undoes it'],
    ['a second run beside the first', second, 'back', facts(has(), true), 'is running'],
    ['a run that goes on after its undo began', first, 'forward', facts(has({ way: 'back' })), 'is being undone'],
    [
      'the next run of an undo that goes on',
      second,
      'forward',
      facts(has({ way: 'back', handedOver: true })),
      'is being undone',
    ],
    [
      'the undo after a hand-over to the next run',
      undo,
      'forward',
      facts(has({ handedOver: true })),
      'carries nothing on',
    ],
  ])('refuses %s', (...[, run, way, seen, reason]) => {
    expect(decideRun(run, way, seen)).toEqual({ allowed: false, reason: expect.stringContaining(reason) as unknown });
  });
});

const did = (activity: GuardedActivity, weight: number | null = null, over: Partial<Begun> = {}): Begun => ({
  activity,
  way: 'forward',
  weight,
  done: true,
  ...over,
});
const back = (activity: GuardedActivity): Begun => did(activity, null, { way: 'back' });
const WEIGHTS = [50, 100];
const WHOLE: Begun[] = [
  ...(
    ['recordPreImages', 'grantTarget', 'confirmAdmission', 'createCanary', 'awaitCanary', 'prepareRoutes'] as const
  ).map((name) => did(name)),
  ...WEIGHTS.flatMap((weight) => [did('setWeights', weight), did('hold', weight)]),
  ...(['migrateWorkload', 'awaitWorkload'] as const).map((name) => did(name)),
  ...[50, 0].map((weight) => did('setWeights', weight)),
  ...(['restoreRoutes', 'removeCanary', 'revokeSource', 'summarizeTraffic'] as const).map((name) => did(name)),
];
const COVER = { strategy: 'Canary', weights: WEIGHTS, replicas: 3, released: false } as const;
const ALL: ReadonlySet<Step> = new Set(STEPS);

describe('againstOrder', () => {
  it('lets a whole migration through, activity by activity', () => {
    const refusals = WHOLE.map(({ activity, weight }, index) =>
      againstOrder(
        { activity, way: 'forward', weight },
        { begun: WHOLE.slice(0, index), cleared: ALL, strategy: 'Canary' },
      ),
    );
    expect(refusals.filter((reason) => reason !== null)).toEqual([]);
  });

  it.each<[GuardedActivity, GuardedActivity]>([
    ['grantTarget', 'recordPreImages'],
    ['confirmAdmission', 'grantTarget'],
    ['createCanary', 'confirmAdmission'],
    ['awaitCanary', 'createCanary'],
    ['prepareRoutes', 'awaitCanary'],
    ['setMirror', 'prepareRoutes'],
    ['setWeights', 'prepareRoutes'],
    ['hold', 'prepareRoutes'],
    ['callWebhooks', 'confirmAdmission'],
    ['migrateWorkload', 'setWeights'],
    ['awaitWorkload', 'migrateWorkload'],
    ['restoreRoutes', 'awaitWorkload'],
    ['removeCanary', 'restoreRoutes'],
    ['revokeSource', 'removeCanary'],
    ['summarizeTraffic', 'revokeSource'],
  ])('refuses %s before %s is done', (activity, earlier) => {
    const asked = { activity, way: 'forward', weight: 100 } as const;
    const missing = WHOLE.filter((one) => one.activity !== earlier);
    const begun = WHOLE.map((one) => (one.activity === earlier ? { ...one, done: false } : one));
    expect(againstOrder(asked, { begun: missing, cleared: ALL, strategy: 'Canary' })).toContain(earlier);
    expect(againstOrder(asked, { begun, cleared: ALL, strategy: 'Canary' })).toContain(earlier);
  });

  it.each<[GuardedActivity, Step]>([
    ['grantTarget', 'Prepare'],
    ['setMirror', 'Mirror'],
    ['setWeights', 'Shift'],
    ['migrateWorkload', 'Migrate'],
    ['removeCanary', 'Finish'],
  ])('refuses %s without the step %s', (activity, step) => {
    const cleared = new Set(STEPS.filter((other) => other !== step));
    expect(
      againstOrder({ activity, way: 'forward', weight: 0 }, { begun: WHOLE, cleared, strategy: 'Canary' }),
    ).toContain(step);
  });

  it('changes the workload only while the canary has everything', () => {
    const begun = WHOLE.slice(0, 8);
    expect(
      againstOrder(
        { activity: 'migrateWorkload', way: 'forward', weight: null },
        { begun, cleared: ALL, strategy: 'Canary' },
      ),
    ).toContain('all requests');
  });

  it('returns requests to the workload only after all of it was verified', () => {
    const begun = [...WHOLE.slice(0, 10), did('migrateWorkload')];
    expect(
      againstOrder({ activity: 'setWeights', way: 'forward', weight: 50 }, { begun, cleared: ALL, strategy: 'Canary' }),
    ).toContain('verified');
  });

  it('lets an undo do what takes back, and nothing that changes', () => {
    const allowed = GUARDED_ACTIVITIES.filter(
      (activity) =>
        againstOrder({ activity, way: 'back', weight: 0 }, { begun: [], cleared: new Set(), strategy: 'Canary' }) ===
        null,
    );
    expect(allowed.toSorted()).toEqual([
      ...['awaitStable', 'compareWithPreImages', 'removeCanary', 'restoreOwners', 'restoreRoutes'],
      ...['restoreSourceGrant', 'restoreWorkload', 'setMirror', 'setWeights', 'withdrawTargetGrant'],
    ]);
  });
});

describe('againstLater', () => {
  const own = { workflowId: 'scc-after/shop/ledger/u1', way: 'forward' as const };
  const seen = {
    workflowId: own.workflowId,
    end: { phase: 'Completed', atMs: 1_000 },
    revokeMs: 500,
    isRevoked: false,
    nowMs: 1_500,
  };
  it.each<[string, Partial<typeof own> | { way: 'back' }, Partial<Parameters<typeof againstLater>[1]>, string | null]>([
    ['lets a grant be revoked when the time has passed', {}, {}, null],
    ['refuses before that', {}, { nowMs: 1_499 }, 'must last until 1970-01-01T00:00:01.500Z'],
    ['refuses the workflow of the migration', { workflowId: ids.forward }, {}, 'does not look after this plan'],
    ['refuses it to an undo', { way: 'back' }, {}, 'does not look after this plan'],
    ['refuses while the migration runs', {}, { end: null }, 'only after a migration that has completed'],
    ['refuses after an undo', {}, { end: { phase: 'RolledBack', atMs: 0 } }, 'that has completed'],
    ['refuses it twice: a grant that is there again was made since', {}, { isRevoked: true }, 'already'],
    ['refuses where the plan lets the grant stay', {}, { revokeMs: null }, 'lets the source grant stay'],
  ])('%s', (_case, run, over, reason) => {
    const found = againstLater({ ...own, ...run }, { ...seen, ...over });
    if (reason === null) expect(found).toBeNull();
    else expect(found).toContain(reason);
  });
});

describe('uncovered', () => {
  it('takes a whole migration for completed', () => {
    expect(uncovered('MigrationCompleted', WHOLE, COVER)).toBeNull();
  });

  it.each(WHOLE.map((_one, index) => [WHOLE[index]?.activity, WHOLE[index]?.weight, index] as const))(
    'takes no migration without the receipt of %s %s for completed',
    (_activity, weight, index) => {
      // On the way back to the workload only the last weight counts.
      const isPassed = weight === 50 && index > 10;
      const without = WHOLE.filter((_step, at) => at !== index);
      const undone = WHOLE.map((step, at) => (at === index ? { ...step, done: false } : step));
      expect(uncovered('MigrationCompleted', without, COVER) === null).toBe(isPassed);
      expect(uncovered('MigrationCompleted', undone, COVER) === null).toBe(isPassed);
    },
  );

  it('takes nothing for completed that was being undone', () => {
    expect(uncovered('MigrationCompleted', [...WHOLE, back('removeCanary')], COVER)).not.toBeNull();
  });

  it.each<[GuardedActivity, GuardedActivity[]]>([
    ['grantTarget', ['withdrawTargetGrant', 'compareWithPreImages']],
    ['createCanary', ['removeCanary']],
    ['setWeights', ['restoreRoutes']],
    ['migrateWorkload', ['restoreWorkload', 'awaitStable']],
    ['revokeSource', ['restoreSourceGrant']],
  ])('takes %s for undone when all of its undo has receipts, though it may never have ended', (change, undos) => {
    const begun = [did('recordPreImages'), did(change, null, { done: false })];
    expect(uncovered('UndoFinished', [...begun, ...undos.map(back)], COVER)).toBeNull();
    for (const undo of undos) {
      const others = undos.filter((other) => other !== undo).map(back);
      expect(uncovered('UndoFinished', [...begun, ...others], COVER)).toContain(undo);
      // Finishing a migration takes nothing back.
      expect(uncovered('UndoFinished', [...begun, ...others, did(undo)], COVER)).toContain(undo);
    }
  });

  it('takes an undo for whole that was let leave what it could not do', () => {
    const begun = [did('recordPreImages'), did('grantTarget')];
    expect(uncovered('UndoFinished', begun, { ...COVER, released: true })).toBeNull();
    expect(uncovered('MigrationCompleted', begun, { ...COVER, released: true })).not.toBeNull();
  });

  it.each(['PlanRejected', 'DryRunFinished'] as const)('takes %s only when nothing was changed', (end) => {
    expect(uncovered(end, [], COVER)).toBeNull();
    expect(uncovered(end, [did('recordPreImages')], COVER)).toBeNull();
    expect(uncovered(end, [did('grantTarget', null, { done: false })], COVER)).toContain('grantTarget');
  });
});

describe('pods of a Deployment, of which one moves first', () => {
  const strategy = 'Rolling';
  const each = (['awaitOrdinal', 'hold'] as const).map((name) => did(name));
  const wholeOf = (replicas: number): Begun[] => [
    ...(['recordPreImages', 'grantTarget', 'confirmAdmission', 'migrateWorkload'] as const).map((name) => did(name)),
    ...each,
    ...(replicas > 1 ? [did('moveOrdinal')] : []),
    ...Array.from({ length: replicas - 1 }, () => each).flat(),
    ...(['awaitWorkload', 'revokeSource', 'summarizeTraffic'] as const).map((name) => did(name)),
  ];
  const cover = (replicas: number) => ({ strategy, weights: WEIGHTS, replicas, released: false }) as const;

  it.each([1, 2, 5])('pass from first to last of %d', (replicas) => {
    const whole = wholeOf(replicas);
    const refusals = whole.map(({ activity, weight }, index) =>
      againstOrder({ activity, way: 'forward', weight }, { begun: whole.slice(0, index), cleared: ALL, strategy }),
    );
    expect(refusals.filter((reason) => reason !== null)).toEqual([]);
    expect(uncovered('MigrationCompleted', whole, cover(replicas))).toBeNull();
  });

  it.each([1, 2, 5])(
    'pass from first to last of %d that are stopped while the owners of their data change',
    (replicas) => {
      const [whole, before] = [wholeOf(replicas), 3];
      const stopped = [
        ...[...whole.slice(0, before), did('stopWorkload'), did('changeOwners')],
        ...[...whole.slice(before, -2), did('forgetOwners'), ...whole.slice(-2)],
      ];
      const refusals = stopped.map(({ activity, weight }, index) =>
        againstOrder({ activity, way: 'forward', weight }, { begun: stopped.slice(0, index), cleared: ALL, strategy }),
      );
      expect(refusals.filter((reason) => reason !== null)).toEqual([]);
      expect(uncovered('MigrationCompleted', stopped, cover(replicas))).toBeNull();
    },
  );

  it('are not let to before the first one was judged', () => {
    const begun = wholeOf(3).filter(({ activity }) => activity !== 'hold');
    const asked = { activity: 'moveOrdinal', way: 'forward', weight: null } as const;
    expect(againstOrder(asked, { begun, cleared: ALL, strategy })).toContain('hold');
  });

  it('are missed at the end when one was not judged, and when the others were never let to', () => {
    expect(uncovered('MigrationCompleted', wholeOf(2), cover(3))).toContain('for each of 3 pods');
    const never = wholeOf(3).filter(({ activity }) => activity !== 'moveOrdinal');
    expect(uncovered('MigrationCompleted', never, cover(3))).toContain('moveOrdinal');
  });
});

describe.each(['Ordered', 'PerNode'] as const)('pods that move one by one, by the strategy %s', (strategy) => {
  const each = (['moveOrdinal', 'awaitOrdinal', 'hold'] as const).map((name) => did(name));
  const WHOLE_SET: Begun[] = [
    ...(['recordPreImages', 'grantTarget', 'confirmAdmission', 'migrateWorkload'] as const).map((name) => did(name)),
    ...[...each, ...each, ...each],
    ...(['awaitWorkload', 'revokeSource', 'summarizeTraffic'] as const).map((name) => did(name)),
  ];
  const cover = { strategy, weights: WEIGHTS, replicas: 3, released: false } as const;

  it('pass from first to last', () => {
    const refusals = WHOLE_SET.map(({ activity, weight }, index) =>
      againstOrder({ activity, way: 'forward', weight }, { begun: WHOLE_SET.slice(0, index), cleared: ALL, strategy }),
    );
    expect(refusals.filter((reason) => reason !== null)).toEqual([]);
    expect(uncovered('MigrationCompleted', WHOLE_SET, cover)).toBeNull();
  });

  it.each<[GuardedActivity, GuardedActivity]>([
    ['migrateWorkload', 'confirmAdmission'],
    ['moveOrdinal', 'migrateWorkload'],
    ['awaitOrdinal', 'moveOrdinal'],
    ['hold', 'awaitOrdinal'],
    ['awaitWorkload', 'awaitOrdinal'],
    ['revokeSource', 'awaitWorkload'],
  ])('refuse %s before %s is done', (activity, earlier) => {
    const begun = WHOLE_SET.filter((one) => one.activity !== earlier);
    expect(againstOrder({ activity, way: 'forward', weight: null }, { begun, cleared: ALL, strategy })).toContain(
      earlier,
    );
  });

  it.each<[GuardedActivity, Step]>([
    ['migrateWorkload', 'Migrate'],
    ['moveOrdinal', 'Migrate'],
    ['revokeSource', 'Finish'],
  ])('refuse %s without the step %s', (activity, step) => {
    const cleared = new Set(STEPS.filter((other) => other !== step));
    const asked = { activity, way: 'forward', weight: null } as const;
    expect(againstOrder(asked, { begun: WHOLE_SET, cleared, strategy })).toContain(step);
  });

  it.each<GuardedActivity>(['createCanary', 'prepareRoutes', 'setMirror', 'setWeights', 'removeCanary'])(
    'have no %s',
    (activity) => {
      const asked = { activity, way: 'forward', weight: 100 } as const;
      expect(againstOrder(asked, { begun: WHOLE_SET, cleared: ALL, strategy })).toContain('another strategy');
    },
  );

  describe('and are stopped while the owners of their data change', () => {
    const stopped = (['stopWorkload', 'changeOwners'] as const).map((name) => did(name));
    const begun = [
      ...WHOLE_SET.slice(0, 3),
      ...stopped,
      ...WHOLE_SET.slice(3, -2),
      did('forgetOwners'),
      ...WHOLE_SET.slice(-2),
    ];
    const refusalOf = (activity: GuardedActivity, before: readonly Begun[], cleared: ReadonlySet<Step> = ALL) =>
      againstOrder({ activity, way: 'forward', weight: null }, { begun: before, cleared, strategy });

    it('pass from first to last, and miss none of it at the end', () => {
      expect(begun.map(({ activity }, index) => refusalOf(activity, begun.slice(0, index)))).toEqual(
        begun.map(() => null),
      );
      expect(uncovered('MigrationCompleted', begun, cover)).toBeNull();
      for (const name of ['changeOwners', 'forgetOwners'] as const)
        expect(
          uncovered(
            'MigrationCompleted',
            begun.filter(({ activity }) => activity !== name),
            cover,
          ),
        ).toContain(name);
    });

    it('are stopped once the move was let, change owners once they are stopped, and forget them at the end alone', () => {
      expect(refusalOf('stopWorkload', WHOLE_SET.slice(0, 3), new Set<Step>(['Prepare']))).toContain('Migrate');
      expect(refusalOf('changeOwners', WHOLE_SET.slice(0, 3))).toContain('stopWorkload');
      expect(refusalOf('forgetOwners', begun.slice(0, 6))).toContain('awaitWorkload');
      expect(refusalOf('restoreOwners', begun)).toContain('belongs to an undo');
    });

    it('are not taken back before the owners were', () => {
      const undone = (['restoreWorkload', 'awaitStable', 'withdrawTargetGrant', 'compareWithPreImages'] as const).map(
        back,
      );
      expect(uncovered('UndoFinished', [...begun.slice(0, 5), ...undone], cover)).toContain('restoreOwners');
      expect(uncovered('UndoFinished', [...begun.slice(0, 5), back('restoreOwners'), ...undone], cover)).toBeNull();
    });
  });

  it.each<GuardedActivity>(['moveOrdinal', 'awaitOrdinal'])('lend no %s to a canary', (activity) => {
    const asked = { activity, way: 'forward', weight: null } as const;
    expect(againstOrder(asked, { begun: WHOLE, cleared: ALL, strategy: 'Canary' })).toContain('another strategy');
  });

  it.each(WHOLE_SET.map((one, index) => [one.activity, index] as const))(
    'are not all of them without the receipt of %s (%d)',
    (_activity, index) => {
      const without = WHOLE_SET.filter((_one, at) => at !== index);
      expect(uncovered('MigrationCompleted', without, cover)).not.toBeNull();
    },
  );

  it('are not all of them where the set had more', () => {
    expect(uncovered('MigrationCompleted', WHOLE_SET, { ...cover, replicas: 4 })).toContain('each of 4 pods');
  });

  it('are back when template and pods are', () => {
    const begun = [did('recordPreImages'), did('migrateWorkload'), did('moveOrdinal', null, { done: false })];
    const undone = [back('restoreWorkload'), back('awaitStable')];
    expect(uncovered('UndoFinished', [...begun, ...undone], cover)).toBeNull();
    expect(uncovered('UndoFinished', begun, cover)).toContain('restoreWorkload');
  });
});

describe('a CronJob before its next run', () => {
  const strategy = 'NextRun';
  const STEPS_OF_RUN: Begun[] = [
    ...(['recordPreImages', 'grantTarget', 'confirmAdmission', 'migrateWorkload', 'awaitRun'] as const),
    ...(['revokeSource', 'summarizeTraffic'] as const),
  ].map((name) => did(name));
  const WITH_TRIAL: Begun[] = [
    ...STEPS_OF_RUN.slice(0, 3),
    did('runTrial'),
    ...STEPS_OF_RUN.slice(3, 5),
    did('removeCanary'),
    ...STEPS_OF_RUN.slice(5),
  ];
  const cover = { strategy, weights: WEIGHTS, replicas: 1, released: false } as const;

  it.each([
    ['without', STEPS_OF_RUN],
    ['with', WITH_TRIAL],
  ])('passes from first to last %s a trial run', (_with, whole) => {
    const refusals = whole.map(({ activity, weight }, index) =>
      againstOrder({ activity, way: 'forward', weight }, { begun: whole.slice(0, index), cleared: ALL, strategy }),
    );
    expect(refusals.filter((reason) => reason !== null)).toEqual([]);
    expect(uncovered('MigrationCompleted', whole, cover)).toBeNull();
  });

  it.each(WITH_TRIAL.filter(({ activity }) => activity !== 'runTrial').map(({ activity }) => activity))(
    'is not all of it without the receipt of %s',
    (activity) => {
      const without = WITH_TRIAL.filter((one) => one.activity !== activity);
      expect(uncovered('MigrationCompleted', without, cover)).toContain(activity);
    },
  );

  it.each<[GuardedActivity, GuardedActivity]>([
    ['runTrial', 'confirmAdmission'],
    ['migrateWorkload', 'confirmAdmission'],
    ['awaitRun', 'migrateWorkload'],
    ['revokeSource', 'awaitRun'],
  ])('refuses %s before %s is done', (activity, earlier) => {
    const begun = WITH_TRIAL.filter((one) => one.activity !== earlier);
    expect(againstOrder({ activity, way: 'forward', weight: null }, { begun, cleared: ALL, strategy })).toContain(
      earlier,
    );
  });

  it.each<GuardedActivity>(['createCanary', 'setWeights', 'moveOrdinal', 'hold'])('has no %s', (activity) => {
    const asked = { activity, way: 'forward', weight: null } as const;
    expect(againstOrder(asked, { begun: WITH_TRIAL, cleared: ALL, strategy })).toContain('another strategy');
  });

  it('is back when its template is, and its trial run is gone', () => {
    const begun = [did('recordPreImages'), did('runTrial'), did('migrateWorkload', null, { done: false })];
    const undone = [back('restoreWorkload'), back('awaitStable')];
    expect(uncovered('UndoFinished', [...begun, ...undone], cover)).toContain('removeCanary');
    expect(uncovered('UndoFinished', [...begun, ...undone, back('removeCanary')], cover)).toBeNull();
  });
});
