import type { MigrationEvent, UndoCause } from '@scc/plan';
import { z } from 'zod';

/** What happened to a migration before it was undone, as far as it says how the change was doing. */
export const trialEventSchema = z.object({
  type: z.string(),
  /** Why it waited, where it did. */
  reason: z.string().nullable(),
  /** The command and its sender, where one was given. */
  command: z.string().nullable(),
  actor: z.string().nullable(),
});
export type TrialEvent = z.infer<typeof trialEventSchema>;

/** `judged`: what runs under the target SCC has to show that it works, and has not yet. */
type Trial = 'none' | 'judged' | 'passed' | 'failed';

const AFTER: Partial<Record<MigrationEvent['type'], Trial>> = {
  PreparationStarted: 'judged',
  MirroringStarted: 'judged',
  WeightShifted: 'judged',
  WorkloadStopped: 'judged',
  WorkloadMigrationStarted: 'judged',
  PodMoved: 'judged',
  CanaryReady: 'passed',
  GatePassed: 'passed',
  WorkloadMigrated: 'passed',
  TrafficReturned: 'passed',
  GateFailed: 'failed',
};

/** The types of events that say so. */
export const TRIAL_EVENTS = [...Object.keys(AFTER), 'WaitStarted', 'CommandApplied'];

const trialOf = ({ type, reason }: TrialEvent): Trial | undefined =>
  type === 'WaitStarted' && reason === 'AfterFailure' ? 'failed' : AFTER[type as MigrationEvent['type']];

/** How the change was doing after these events, which are in order. What failed has failed until a gate passes. */
function trialAfter(events: readonly TrialEvent[]): Trial {
  let trial: Trial = 'none';
  for (const event of events) {
    const next = trialOf(event);
    if (next !== undefined && !(trial === 'failed' && next === 'judged')) trial = next;
  }
  return trial;
}

/** Whether the command that ended it was given by another person than the author, as far as it is proven. */
function isByAnother(events: readonly TrialEvent[], cause: UndoCause, author: string | null): boolean {
  const actor = events.findLast(({ type, command }) => type === 'CommandApplied' && command === cause)?.actor ?? null;
  const isProven = actor !== null && !actor.endsWith(' (as they say)');
  return isProven && author !== null && actor !== author;
}

/**
 * Why an undo counts as a failure although its cause does not: the change had failed already, or its author withdrew
 * it before anything said how it was doing. Null when it does not count.
 * @param events before the undo, in order
 */
export function withdrawnFailure(
  events: readonly TrialEvent[],
  cause: UndoCause,
  author: string | null,
): string | null {
  const trial = trialAfter(events);
  if (trial === 'failed') return 'it had failed before it was taken back';
  if (trial !== 'judged') return null;
  if (cause === 'deleted') return 'the plan was deleted before its change was judged';
  if ((cause === 'abort' || cause === 'rollback') && !isByAnother(events, cause, author))
    return 'it was withdrawn before its change was judged';
  return null;
}
