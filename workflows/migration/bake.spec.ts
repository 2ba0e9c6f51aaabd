import type { Effects } from './effects.js';
import { migrate } from './migrate.js';
import { startOf } from './position.js';
import { allowed, aPlan, aSpec, aTarget, aWorld, type InjectedFault } from './testing.js';

const HOUR_MS = 3_600_000;

/** A migration whose plan has it watched for an hour; the clock passes by holds alone. */
function baking({
  bakeMs = HOUR_MS,
  oneByOne = false,
  fault,
}: { bakeMs?: number; oneByOne?: boolean; fault?: InjectedFault } = {}) {
  const plan = aPlan(aSpec(), { bakeMs });
  const { world, events, breaches, fx } = aWorld(fault, {
    oneByOne,
    plan,
    assess: () => allowed(oneByOne ? { strategy: 'Ordered' } : {}, plan),
  });
  const effects = fx();
  let nowMs = 0;
  const holds: { request: Parameters<Effects['hold']>[0]; world: typeof world }[] = [];
  const hold: Effects['hold'] = (request) => {
    holds.push({ request, world: { ...world } });
    nowMs += request.durationMs ?? 0;
    return effects.hold(request);
  };
  const run = () => migrate(startOf(aTarget().ref), { ...effects, hold, now: () => nowMs });
  return { world, events, breaches, holds, run };
}

describe('a bake', () => {
  it.each([false, true])(
    'watches the migrated workload before anything is taken away (one by one: %s)',
    async (one) => {
      const { events, breaches, holds, run } = baking({ oneByOne: one });
      await expect(run()).resolves.toMatchObject({ phase: 'Completed' });
      const last = holds.at(-1);
      expect(last?.request).toMatchObject({
        ...{ weight: 0, durationMs: HOUR_MS, workloadSinceMs: last?.request.sinceMs },
        ...(one ? { partition: 0 } : {}),
      });
      expect(last?.world).toMatchObject({
        ...{ workload: 'after', canaryWeight: 0, granted: true, sourceGranted: true },
        ...(one ? {} : { canary: 'ready', routesPrepared: true }),
      });
      expect(events.map(({ type }) => type).slice(-4)).toEqual([
        ...(one ? ['WorkloadMigrated'] : []),
        'BakeStarted',
        ...(one ? [] : ['CanaryRemoved']),
        'SourceRevoked',
        'MigrationCompleted',
      ]);
      expect(breaches).toEqual([]);
    },
  );

  it.each([
    ['canary', false, 9],
    ['set', true, 4],
  ])('takes everything back when its gates fail (%s)', async (_of, oneByOne, at) => {
    const { world, events, breaches, holds, run } = baking({ oneByOne, fault: { activity: 'hold', at } });
    await expect(run()).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(holds.at(-1)?.request.durationMs).toBe(HOUR_MS);
    expect(world).toMatchObject({ workload: 'before', canary: 'absent', canaryWeight: 0, granted: false });
    expect(world.sourceGranted).toBe(true);
    expect(events.some(({ type }) => type === 'SourceRevoked')).toBe(false);
    expect(breaches).toEqual([]);
  });

  it('is none where the plan wants none', async () => {
    const { events, holds, run } = baking({ bakeMs: 0 });
    await run();
    expect(events.some(({ type }) => type === 'BakeStarted')).toBe(false);
    expect(holds).toHaveLength(8);
  });

  it('is named by a dry run', async () => {
    const plan = aPlan(aSpec(), { bakeMs: HOUR_MS, dryRun: true });
    const { events, fx } = aWorld(undefined, { plan, assess: () => allowed({}, plan) });
    await migrate(startOf(aTarget().ref), fx());
    expect(events.at(-1)).toMatchObject({
      type: 'DryRunFinished',
      message: expect.stringContaining('migrate, watch it for 3600 seconds') as string,
    });
  });
});
