import type { Position } from './carried.js';
import type { MigrationActivities } from './contract.js';
import { migrate } from './migrate.js';
import { startOf } from './position.js';
import { allowed, aTarget, aWorld, pristine, type InjectedFault } from './testing.js';

const start = (): Position => startOf(aTarget().ref);
const rolling = (fault?: InjectedFault) =>
  aWorld(fault, {
    ...{ oneByOne: true, rolling: true },
    assess: () => allowed({ kind: 'Deployment', strategy: 'Rolling' }),
  });

describe('migrate a Deployment of which one pod moves first', () => {
  it('touches no route and no canary, and tells of each pod', async () => {
    const { world, events, breaches, fx } = rolling();
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'Completed' });
    expect(world).toEqual({ ...pristine, workload: 'after', granted: true, sourceGranted: false, moved: 3 });
    expect(breaches).toEqual([]);
    expect(events.flatMap((event) => (event.type === 'PodMoved' ? [event.ordinal] : []))).toEqual([2, 1, 0]);
    expect(events.map(({ type }) => type)).not.toContain('CanaryReady');
    expect(events).toContainEqual({ type: 'WorkloadMigrationStarted', strategy: 'Rolling' });
  });

  it('asks governance before the first pod and before all others, and lets these move once', async () => {
    const { fx, calls } = rolling();
    const asked: string[] = [];
    const clearance = ({ step, detail }: { step: string; detail: string }) => {
      asked.push(`${step} ${detail}`);
      return Promise.resolve({ waited: false });
    };
    await migrate(start(), fx({ clearance }));
    expect(asked).toEqual([
      'Prepare pods of ledger under restricted-v2',
      'Migrate ledger',
      'Migrate the other pods of ledger',
      'Finish remove the old grant',
    ]);
    expect(calls.get('moveOrdinal')).toBe(1);
  });

  it('holds for the first pod and at the end, and takes what the gates see between', async () => {
    const { fx } = rolling();
    const held: (number | null)[] = [];
    const hold: ReturnType<typeof fx>['hold'] = ({ durationMs }) => {
      held.push(durationMs);
      return Promise.resolve([]);
    };
    await migrate(start(), fx({ hold }));
    expect(held).toEqual([null, 0, null]);
  });

  it.each<[keyof MigrationActivities, number]>([
    ['migrateWorkload', 1],
    ['awaitOrdinal', 1],
    ['hold', 1],
    ['moveOrdinal', 1],
    ['awaitOrdinal', 3],
    ['hold', 3],
    ['awaitWorkload', 1],
  ])('takes everything back when %s fails at call %d', async (activity, at) => {
    const { world, breaches, fx } = rolling({ activity, at });
    await expect(migrate(start(), fx())).resolves.toMatchObject({ phase: 'RolledBack' });
    expect(world).toEqual(pristine);
    expect(breaches).toEqual([]);
  });
});
