import type { Position } from './carried.js';
import type { MigrationActivities } from './contract.js';
import type { Effects } from './effects.js';
import { migrate, takeBack } from './migrate.js';
import { HandOver, startOf } from './position.js';
import { allowed, aPlan, aSpec, aTarget, aWorld, type InjectedFault } from './testing.js';
import { positionOfLost } from './undo.js';

/** Workloads of three pods, which move one by one. */
const WORKLOADS = [
  { kind: 'StatefulSet', strategy: 'Ordered' },
  { kind: 'DaemonSet', strategy: 'PerNode' },
] as const;
const pristine = {
  ...{ canary: 'absent', workload: 'before', canaryWeight: 0, mirroring: false, granted: false },
  ...{ sourceGranted: true, routesPrepared: false, moved: 0 },
};
const start = (): Position => startOf(aTarget().ref);

describe.each(WORKLOADS)('migrate the pods of a $kind one by one', (workload) => {
  const ordered = (fault?: InjectedFault) => aWorld(fault, { oneByOne: true, assess: () => allowed(workload) });

  it('fluxcd/flagger#410, #451: moves the pods of a StatefulSet from the highest ordinal down, and touches no route and no canary', async () => {
    const { world, events, breaches, fx } = ordered();
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'Completed' });
    expect(world).toEqual({ ...pristine, workload: 'after', granted: true, sourceGranted: false, moved: 3 });
    expect(breaches).toEqual([]);
    expect(events.flatMap((event) => (event.type === 'PodMoved' ? [event.ordinal] : []))).toEqual([2, 1, 0]);
    expect(events.map(({ type }) => type)).not.toContain('CanaryReady');
    for (const type of ['PreparationStarted', 'WorkloadMigrationStarted'] as const)
      expect(events).toContainEqual({ type, strategy: workload.strategy });
  });

  it('asks governance again for each pod', async () => {
    const { fx } = ordered();
    const asked: string[] = [];
    const clearance = ({ step, detail }: { step: string; detail: string }) => {
      asked.push(`${step} ${detail}`);
      return Promise.resolve({ waited: false });
    };
    await migrate(start(), fx({ clearance }));
    expect(asked).toEqual([
      'Prepare pods of ledger under restricted-v2',
      'Migrate ledger',
      ...[2, 1, 0].map((index) => `Migrate pod ${index} of ledger`),
      'Finish remove the old grant',
    ]);
  });

  it('judges by the gates what the workload answers since each pod began to move', async () => {
    const { fx } = ordered();
    const held: unknown[] = [];
    let nowMs = 0;
    const hold: ReturnType<typeof fx>['hold'] = ({ weight, workloadSinceMs }) => {
      held.push([weight, workloadSinceMs]);
      return Promise.resolve([]);
    };
    await migrate(start(), fx({ hold, now: () => ++nowMs }));
    expect(held).toHaveLength(3);
    expect(new Set(held.map((one) => (one as number[])[0]))).toEqual(new Set([0]));
    expect(new Set(held.map((one) => (one as number[])[1])).size).toBe(3);
  });

  it.each<[keyof MigrationActivities, number]>([
    ['grantTarget', 1],
    ['confirmAdmission', 1],
    ['migrateWorkload', 1],
    ['moveOrdinal', 1],
    ['awaitOrdinal', 1],
    ['hold', 1],
    ['awaitOrdinal', 2],
    ['moveOrdinal', 3],
    ['awaitOrdinal', 3],
    ['hold', 3],
    ['awaitWorkload', 1],
  ])('takes everything back when %s fails at call %d', async (activity, at) => {
    const { world, events, breaches, fx } = ordered({ activity, at });
    await expect(migrate(start(), fx())).resolves.toEqual({
      phase: 'RolledBack',
      message: `rolled back: ${activity} failed`,
    });
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
    const undone = events.flatMap((event) => (event.type === 'UndoStepDone' ? [event.step] : []));
    expect(undone).not.toContain('canary');
    expect(undone).not.toContain('routes');
  });

  it.each<keyof MigrationActivities>(['revokeSource', 'summarizeTraffic'])(
    'goes forward, not back, when %s fails once every pod has moved',
    async (activity) => {
      const { fx } = ordered({ activity });
      await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'Completed' });
    },
  );

  it('looks at its data before a pod moves where the plan wants that, and moves none where the census fails', async () => {
    const plan = { ...aPlan(aSpec()), census: true as const };
    const oneByOne = { oneByOne: true, assess: () => allowed(workload, plan) };
    const { world, events, fx } = aWorld({ activity: 'callWebhooks', at: 1 }, oneByOne);
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(world).toEqual(pristine);
    expect(events.map(({ type }) => type)).not.toContain('PodMoved');
    const unasked = aWorld({ activity: 'callWebhooks', at: 1 }, { oneByOne: true, assess: () => allowed(workload) });
    await expect(migrate(start(), unasked.fx())).resolves.toMatchObject({ phase: 'Completed' });
  });

  it('goes on after a hand-over with the pod that comes next', async () => {
    const { events, breaches, fx } = ordered();
    let rests = 0;
    const restIfLong = () => {
      if (++rests === 2) throw new HandOver('the history has grown long');
    };
    const position = start();
    await expect(migrate(position, fx({ restIfLong }))).rejects.toThrow(HandOver);
    const carried = JSON.parse(JSON.stringify(position)) as Position;
    await expect(migrate(carried, fx())).resolves.toMatchObject({ phase: 'Completed' });
    expect(breaches).toEqual([]);
    expect(events.flatMap((event) => (event.type === 'PodMoved' ? [event.ordinal] : []))).toEqual([2, 1, 0]);
  });

  it('undoes one whose workflow was lost without a look at a canary', async () => {
    const { world, breaches, fx } = ordered();
    Object.assign(world, { workload: 'rolling', granted: true, moved: 2 });
    const position = positionOfLost(aTarget(workload));
    expect(position.undos.map(({ step }) => step)).toEqual(['sourceGrant', 'workload', 'targetGrant', 'verification']);
    await takeBack(position, fx());
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });
});

describe.each([
  { kind: 'StatefulSet', strategy: 'Ordered', stopped: true },
  { kind: 'Deployment', strategy: 'Rolling', stopped: true },
] as const)('migrate a $kind that is stopped while the owners of its data change', (workload) => {
  const stopped = (fault?: InjectedFault) => aWorld(fault, { oneByOne: true, assess: () => allowed(workload) });
  const undone = (events: readonly { type: string }[]) =>
    events.flatMap((event) => (event.type === 'UndoStepDone' ? [(event as { step?: string }).step] : []));

  it('stops it, changes the owners, starts it with the new template, and forgets them at the end', async () => {
    const { world, events, breaches, fx, calls } = stopped();
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'Completed' });
    expect(world).toEqual({ ...pristine, workload: 'after', granted: true, sourceGranted: false, moved: 3 });
    expect(breaches).toEqual([]);
    expect(calls.get('forgetOwners')).toBe(1);
    // As governance has it: of a Deployment the others are let to by one step.
    expect(calls.get('moveOrdinal')).toBe(workload.kind === 'Deployment' ? 1 : 3);
    const types = events.map(({ type }) => type);
    expect(types.indexOf('WorkloadStopped')).toBeLessThan(types.indexOf('OwnersChanged'));
    expect(types.indexOf('OwnersChanged')).toBeLessThan(types.indexOf('WorkloadMigrationStarted'));
  });

  it('is let by one word of governance, which names the outage, and waits for none while it is stopped', async () => {
    const { fx } = stopped();
    const asked: string[] = [];
    const held: unknown[] = [];
    const clearance = ({ detail }: { detail: string }) => {
      asked.push(detail);
      return Promise.resolve({ waited: false });
    };
    const hold: ReturnType<typeof fx>['hold'] = ({ durationMs }) => {
      held.push(durationMs);
      return Promise.resolve([]);
    };
    await migrate(start(), fx({ clearance, hold }));
    expect(asked).toEqual([
      'pods of ledger under restricted-v2',
      'ledger, all 3 pods stopped while the owners of its data change',
      'remove the old grant',
    ]);
    expect(held).toEqual([0, 0, null]);
  });

  it.each<[keyof MigrationActivities, number]>([
    ['stopWorkload', 1],
    ['changeOwners', 1],
    ['migrateWorkload', 1],
    ['awaitOrdinal', 1],
    ['hold', 3],
    ['awaitWorkload', 1],
  ])('gives the owners back before the old template when %s fails at call %d', async (activity, at) => {
    const { world, events, breaches, fx } = stopped({ activity, at });
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
    const steps = undone(events);
    if (activity !== 'stopWorkload') expect(steps.slice(0, 2)).toEqual(['owners', 'workload']);
    expect(steps).toContain('workload');
  });

  it('is not paused while it is stopped, also where a plan wants to pause', async () => {
    const { world, fx } = stopped({ activity: 'changeOwners' });
    const attempt: Effects['attempt'] = (work) => work();
    const attempted: number[] = [];
    const counting: Effects['attempt'] = (work) => {
      attempted.push(1);
      return attempt(work);
    };
    await expect(migrate(start(), fx({ attempt: counting }))).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(world).toEqual(pristine);
    // The dry-run pod alone.
    expect(attempted).toHaveLength(1);
  });

  it('has its owners given back by the undo of a workflow that was lost', () => {
    const steps = positionOfLost(aTarget(workload)).undos.map(({ step }) => step);
    expect(steps).toEqual(['sourceGrant', 'owners', 'workload', 'targetGrant', 'verification']);
  });
});
