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
export async function hold(
  { target, position, fx, at }: Course,
  step: string,
  request: { weight: number; durationMs: number | null; workloadSinceMs?: number; partition?: number },
): Promise<void> {
  await at(step, async () => {
    await judged(fx, async () => {
      position.heldSinceMs ??= fx.now();
      try {
        return await fx.hold({ target, ...request, sinceMs: position.heldSinceMs });
      } catch (error) {
        // A hold that failed is held again in full; one that another run goes on with is not.
        if (!(error instanceof HandOver)) position.heldSinceMs = null;
        throw error;
      }
    });
    position.heldSinceMs = null;
  });
}

export async function webhooks(
  { target, fx, at }: Course,
  moment: WebhookRequest['at'],
  weight: number,
): Promise<void> {
  await at(`webhooks ${moment}`, async () => {
    const { gates } = fx.settings();
    if (!gates.webhooks.some((gate) => gate.at === moment)) return;
    await judged(fx, () => fx.act.callWebhooks(target, { at: moment, gates, weight }));
  });
}

/** Runs what gates judge, and records what they saw. */
async function judged(fx: Effects, work: () => Promise<GateSample[]>): Promise<void> {
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
