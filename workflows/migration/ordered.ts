import { hold, webhooks, type Course } from './course.js';
import type { MigrationOutline } from './contract.js';
import { registerUndo } from './position.js';

/**
 * Moves the own pods of a workload. Of a StatefulSet and of a DaemonSet they move one by one: the template changes together with what keeps pods from
 * being replaced by it (a partition above every ordinal, or deletion as the only way), so that nothing moves by itself;
 * each pod then moves when it is let to. Both SCCs stay granted until the end: a pod that is evicted meanwhile starts
 * again, on either side. Of a Deployment the first pod moves with the template, and all others are let to by one step.
 */
export async function moveOneByOne(course: Course): Promise<void> {
  const { plan, target, position, fx, at, clear } = course;
  const { act } = fx;
  await webhooks(course, 'BeforeMigrate', 0);
  await at('may migrate', () => clear('Migrate', permissionFor(target)));
  registerUndo(position, { step: 'workload', args: {} });
  if (target.stopped) await changeOwners(course);
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

const permissionFor = ({ workload, stopped, replicas }: MigrationOutline): string =>
  stopped ? `${workload}, all ${replicas} pods stopped while the owners of its data change` : workload;

/**
 * Stops the workload and changes the owners of its data. A failure is taken back at once, also where the plan wants to
 * pause: nothing is served meanwhile. The pods start again with the template that is written next.
 */
async function changeOwners({ target, position, fx, at }: Course): Promise<void> {
  await at('stopped', async () => {
    fx.record({ type: 'WorkloadStopped', pods: target.replicas });
    await fx.act.stopWorkload(target);
  });
  registerUndo(position, { step: 'owners', args: {} });
  await at('owners', async () => {
    fx.record({ type: 'OwnersChanged', ...(await fx.act.changeOwners(target)) });
  });
}

/** How a pod at an index moves: by which words governance is asked before, and how long the gates judge it. */
interface Move {
  /** Null where it moves by what was let before. */
  detail: string | null;
  isLet: boolean;
  /** Null for the plan's interval; 0 takes the samples that are there. */
  durationMs: number | null;
}

function moveAt(index: number, { strategy, replicas, workload, stopped }: MigrationOutline): Move {
  const isSecond = index === replicas - 2;
  // All of them start together, and are judged together once the last one was seen.
  if (stopped) return { detail: null, isLet: strategy !== 'Rolling' || isSecond, durationMs: index === 0 ? null : 0 };
  if (strategy !== 'Rolling') return { detail: `pod ${index} of ${workload}`, isLet: true, durationMs: null };
  const isJudged = index === replicas - 1 || index === 0;
  const detail = isSecond ? `the other pods of ${workload}` : null;
  return { detail, isLet: isSecond, durationMs: isJudged ? null : 0 };
}

/** One pod: governance is asked again, the pod moves, is verified, and the gates judge what the workload answers since. */
async function moveOne(course: Course, index: number): Promise<void> {
  const { plan, target, position, fx, at, clear } = course;
  const { act } = fx;
  const { detail, isLet, durationMs } = moveAt(index, target);
  fx.restIfLong();
  if (detail !== null) await at(`may move ${index}`, () => clear('Migrate', detail));
  await at(`move ${index}`, async () => {
    if (isLet || position.liveMs === undefined) position.liveMs = fx.now();
    const moved = await fx.attempt(async () => {
      if (isLet) await act.moveOrdinal(target, index);
      return act.awaitOrdinal(target, index, plan.readinessTimeoutMs);
    });
    for (const one of moved) fx.record({ type: 'PodMoved', ...one });
  });
  await hold(course, `held after ${index}`, {
    weight: 0,
    durationMs,
    workloadSinceMs: position.liveMs ?? position.startedMs,
    partition: index,
  });
}
