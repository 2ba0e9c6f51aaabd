import { migrate } from './migrate.js';
import { startOf } from './position.js';
import { allowed, aPlan, aSpec, aTarget, aWorld, type InjectedFault } from './testing.js';

const HOUR_MS = 3_600_000;

/** A plan that tries the target for an hour and migrates nothing. */
function trying({ percentage = 100, fault }: { percentage?: number; fault?: InjectedFault } = {}) {
  const plan = aPlan(aSpec(), { trialMs: HOUR_MS, mirror: { percentage, durationMs: 1, methods: 'Safe' } });
  const { world, events, breaches, fx } = aWorld(fault, { plan, assess: () => allowed({}, plan) });
  const effects = fx();
  const holds: Parameters<typeof effects.hold>[0][] = [];
  const before = structuredClone(world);
  const run = () =>
    migrate(startOf(aTarget().ref), {
      ...effects,
      hold: (request) => {
        holds.push(request);
        return effects.hold(request);
      },
    });
  return { world, before, events, breaches, holds, run };
}
const types = (events: readonly { type: string }[]): string[] => events.map(({ type }) => type);

describe('a trial', () => {
  it.each([100, 0])(
    'watches a canary that gets no request of a user, takes everything back, and says that it passed (%d %% copied)',
    async (percentage) => {
      const { world, before, events, breaches, holds, run } = trying({ percentage });
      await expect(run()).resolves.toEqual({
        phase: 'RolledBack',
        message: expect.stringMatching(/^rolled back: the trial is over: .* passed its gates$/) as unknown,
      });
      expect(holds).toMatchObject([{ weight: 0, durationMs: HOUR_MS }]);
      for (const event of events) if (event.type === 'WeightShifted') expect(event.weights.canary).toBe(0);
      expect(types(events)).not.toContain('WorkloadMigrationStarted');
      expect(types(events).includes('MirroringStarted')).toBe(percentage > 0);
      expect(events).toContainEqual(expect.objectContaining({ type: 'UndoStarted', cause: 'trial' }));
      expect(world).toEqual(before);
      expect(breaches).toEqual([]);
    },
  );

  it('is undone by its gates where these fail, and that is no trial which passed', async () => {
    const { world, before, events, run } = trying({ fault: { activity: 'hold', type: 'GateFailed' } });
    await expect(run()).resolves.toMatchObject({
      phase: 'RolledBack',
      message: expect.not.stringContaining('passed') as unknown,
    });
    expect(events.find((event) => event.type === 'UndoStarted')).not.toMatchObject({ cause: 'trial' });
    expect(world).toEqual(before);
  });

  it('says in a dry run what it would do', async () => {
    const plan = aPlan(aSpec(), { trialMs: HOUR_MS, dryRun: true });
    const { events, fx } = aWorld(undefined, { plan, assess: () => allowed({}, plan) });
    await migrate(startOf(aTarget().ref), fx());
    expect(JSON.stringify(events)).toContain('for 3600 seconds, then everything is taken back');
  });
});
