import { hold, webhooks, type Course } from './course.js';
import { registerUndo } from './position.js';

/**
 * Moves the pods of a StatefulSet or of a DaemonSet one by one. The template changes together with what keeps pods from
 * being replaced by it (a partition above every ordinal, or deletion as the only way), so that nothing moves by itself;
 * each pod then moves when it is let to. Both SCCs stay granted until the end: a pod that is evicted meanwhile starts
 * again, on either side.
 */
export async function moveOneByOne(course: Course): Promise<void> {
  const { plan, target, position, fx, at, clear } = course;
  const { act } = fx;
  await webhooks(course, 'BeforeMigrate', 0);
  await at('may migrate', () => clear('Migrate', target.workload));
  registerUndo(position, { step: 'workload', args: {} });
  await at('migrate', async () => {
    fx.record({ type: 'WorkloadMigrationStarted', strategy: target.strategy ?? 'Ordered' });
    await fx.attempt(() => act.migrateWorkload(target));
  });
  for (let index = target.replicas - 1; index >= 0; index--) await moveOne(course, index);
  await at('verify', async () => {
    const pods = await fx.attempt(() => act.awaitWorkload(target, plan.readinessTimeoutMs));
    fx.record({ type: 'WorkloadMigrated', pods });
  });
  await webhooks(course, 'AfterMigrate', 0);
}

/** One pod: governance is asked again, the pod moves, is verified, and the gates judge what the workload answers since. */
async function moveOne(course: Course, index: number): Promise<void> {
  const { plan, target, position, fx, at, clear } = course;
  const { act } = fx;
  fx.restIfLong();
  await at(`may move ${index}`, () => clear('Migrate', `pod ${index} of ${target.workload}`));
  await at(`move ${index}`, async () => {
    position.liveMs = fx.now();
    const moved = await fx.attempt(async () => {
      await act.moveOrdinal(target, index);
      return act.awaitOrdinal(target, index, plan.readinessTimeoutMs);
    });
    for (const one of moved) fx.record({ type: 'PodMoved', ...one });
  });
  await hold(course, `held after ${index}`, {
    weight: 0,
    durationMs: null,
    workloadSinceMs: position.liveMs ?? position.startedMs,
    partition: index,
  });
}
