import type { GateSample, Step } from '@scc/plan';
import type { Position } from './carried.js';
import type { AcceptedPlan, MigrationOutline, WebhookRequest } from './contract.js';
import type { Effects } from './effects.js';
import { HandOver, once } from './position.js';

/** The steps of one migration; `at` names each so that a later run knows what is done. */
export interface Course {
  plan: AcceptedPlan;
  target: MigrationOutline;
  position: Position;
  fx: Effects;
  at: (step: string, work: () => Promise<void>) => Promise<void>;
  clear: (step: Step, detail: string, weight?: number) => Promise<void>;
}

interface Held {
  weight: number;
  durationMs: number | null;
  /** From when on the workload's own answers are judged; `held` is the beginning of this hold. */
  workloadSinceMs?: number | 'held';
  partition?: number;
}

/** How long the word of the gates is good for, in milliseconds: what ends a migration rests on what they saw just now. */
const JUDGEMENT_LASTS_MS = 30_000;

export function courseOf(position: Position, plan: AcceptedPlan, fx: Effects): Course {
  const { target, contentHash } = position;
  if (!target || contentHash === null) throw new Error('the plan is not validated yet');
  return {
    plan,
    target,
    position,
    fx,
    at: (step, work) => once(position, step, work),
    clear: async (step, detail, weight) => {
      const watch = weight === undefined ? [] : ([{ target, weight }] as const);
      await fx.clearance({ step, detail, contentHash }, ...watch);
    },
  };
}

/** Holds a weight; the gates' samples are recorded whether they pass or fail. */
export const hold = (course: Course, step: string, request: Held): Promise<void> =>
  course.at(step, () => holdNow(course, request));

async function holdNow({ target, position, fx }: Course, { workloadSinceMs, ...request }: Held): Promise<void> {
  await judged(fx, async () => {
    position.heldSinceMs ??= fx.now();
    const sinceMs = position.heldSinceMs;
    const since = workloadSinceMs === 'held' ? sinceMs : workloadSinceMs;
    try {
      return await fx.hold({ target, ...request, sinceMs, ...(since === undefined ? {} : { workloadSinceMs: since }) });
    } catch (error) {
      // A hold that failed is held again in full; one that another run goes on with is not.
      if (!(error instanceof HandOver)) position.heldSinceMs = null;
      throw error;
    }
  });
  position.heldSinceMs = null;
  position.judgedMs = fx.now();
}

/**
 * Asks whether the end may begin. Where the answer took long, by a pause, a window or an outage, the gates saw nothing
 * meanwhile: they judge one more interval of the workload's answers, and governance is asked again.
 */
export async function clearToFinish(course: Course, detail: string): Promise<void> {
  const { position, target, fx, clear } = course;
  for (;;) {
    await clear('Finish', detail);
    // A run is over: what it has shown does not grow old.
    if (target.strategy === 'NextRun') return;
    // Runs of earlier versions hand over no time.
    position.judgedMs ??= fx.now();
    if (fx.now() - position.judgedMs < JUDGEMENT_LASTS_MS) return;
    await holdNow(course, { ...migrated(target), durationMs: null });
  }
}

/** Everything on the workload, which has migrated: its answers since the hold began are judged. */
const migrated = ({ strategy }: MigrationOutline) =>
  ({ weight: 0, workloadSinceMs: 'held', ...(strategy === 'Ordered' ? { partition: 0 } : {}) }) as const;

/** Watches the migrated workload for as long as the plan wants, while all of it can still be taken back. */
export async function bake(course: Course): Promise<void> {
  const { plan, target, fx, at } = course;
  const { bakeMs = 0 } = plan;
  // What waits for its next run has no pods that could be watched: a run that was judged is over.
  if (bakeMs === 0 || target.strategy === 'NextRun') return;
  await at('bake begun', () => {
    fx.record({ type: 'BakeStarted', seconds: Math.ceil(bakeMs / 1000) });
    return Promise.resolve();
  });
  await hold(course, 'baked', { ...migrated(target), durationMs: bakeMs });
}

export async function webhooks(
  { plan, target, fx, at }: Course,
  moment: WebhookRequest['at'],
  weight: number,
): Promise<void> {
  await at(`webhooks ${moment}`, async () => {
    const { gates } = fx.settings();
    const isCensus = moment === 'BeforeCanary' || (plan.census === true && moment === 'BeforeMigrate');
    if (!isCensus && ![...gates.webhooks, ...(gates.jobs ?? [])].some((gate) => gate.at === moment)) return;
    await judged(fx, () => fx.act.callWebhooks(target, { at: moment, gates, weight }));
  });
}

/** Runs what gates judge, and records what they saw. */
export async function judged(fx: Effects, work: () => Promise<GateSample[]>): Promise<void> {
  const samples = await fx.attempt(async () => {
    try {
      return await work();
    } catch (error) {
      const failed = fx.failedSamples(error);
      if (failed.length) fx.record({ type: 'GateFailed', samples: failed });
      throw error;
    }
  });
  if (samples.length) fx.record({ type: 'GatePassed', samples });
}
