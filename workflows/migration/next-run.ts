import { judged, webhooks, type Course } from './course.js';
import type { GoodRun, MigrationOutline } from './contract.js';
import { registerUndo } from './position.js';
import { spanOf } from './spans.js';

/** Whether the plan asks for a run before the template changes. */
export const hasTrial = ({ plan }: Course): boolean => plan.run?.trial === true;

/**
 * Changes the template of a CronJob and judges its next run. Between its runs it has no pod, so that nothing stops; a
 * run that has begun keeps the template that it began with. Both SCCs stay granted until the run was judged. Any other
 * workload that has no pods changes in the same way, and its first ones are judged.
 */
export async function changeBeforeNextRun(course: Course): Promise<void> {
  const { target, position, fx, at, clear } = course;
  const { act } = fx;
  await webhooks(course, 'BeforeMigrate', 0);
  await at('may migrate', () => clear('Migrate', target.workload));
  if (hasTrial(course)) await tryNow(course);
  registerUndo(position, { step: 'workload', args: {} });
  await at('migrate', async () => {
    fx.record({ type: 'WorkloadMigrationStarted', strategy: 'NextRun' });
    await fx.attempt(() => act.migrateWorkload(target));
    position.liveMs = fx.now();
  });
  await at('run', () => watchNext(course));
  await webhooks(course, 'AfterMigrate', 0);
}

const waitOf = ({ plan }: Course): number => plan.run?.waitMs ?? 0;

/** One run more than the schedule has: what it shows costs no scheduled run. */
async function tryNow(course: Course): Promise<void> {
  const { target, position, fx, at } = course;
  registerUndo(position, { step: 'trial', args: {} });
  await at('trial', async () => {
    await judgedRun(course, [`a trial run of CronJob ${target.workload}`, 'end'], (sinceMs) =>
      fx.act.runTrial(target, sinceMs + waitOf(course)),
    );
  });
}

/** The next that runs of a workload, and what is waited for with it. */
const nextOf = ({ kind, workload }: MigrationOutline): [what: string, until: string] =>
  kind === 'CronJob'
    ? [`the next run of CronJob ${workload}`, 'end']
    : [`the first pods of ${kind} ${workload}`, 'start'];

async function watchNext(course: Course): Promise<void> {
  const { target, plan, position, fx } = course;
  const changedMs = position.liveMs ?? fx.now();
  const pods = await judgedRun(course, nextOf(target), (sinceMs, isFirst) =>
    fx.act.awaitRun(target, {
      sinceMs: isFirst ? null : sinceMs,
      untilMs: (isFirst ? changedMs : sinceMs) + waitOf(course),
      ...(target.kind === 'CronJob' ? {} : { readyMs: plan.readinessTimeoutMs }),
    }),
  );
  if (pods.length > 0) fx.record({ type: 'WorkloadMigrated', pods });
  else position.notObserved = true;
}

/** Says what is waited for, and records what the run has shown. An operator who resumes after a failure awaits another run. */
async function judgedRun(
  course: Course,
  [what, until]: [what: string, until: string],
  work: (sinceMs: number, isFirst: boolean) => Promise<GoodRun>,
): Promise<GoodRun['pods']> {
  const { fx } = course;
  let pods: GoodRun['pods'] = [];
  let tries = 0;
  await judged(fx, async () => {
    const message = `waiting for ${what} to ${until}, for ${spanOf(waitOf(course))} at most`;
    fx.record({ type: 'WaitStarted', reason: 'Run', message });
    try {
      const run = await work(fx.now(), tries++ === 0);
      pods = run.pods;
      return run.samples;
    } finally {
      fx.record({ type: 'WaitEnded', reason: 'Run' });
    }
  });
  return pods;
}
