import type { WaitReason } from '@scc/plan/words';
import type { ListedEvent } from './types.js';

/** How a user ends each wait. */
const ACTS: Record<WaitReason, string> = {
  Approval: 'A person with the role that is asked for approves or refuses it below, or with sccctl approve.',
  Window: 'It goes on by itself when the window opens or the freeze ends.',
  OtherPlan: 'It goes on by itself when the other migration of this workload is over.',
  Rights: 'Give those who wrote the plan the rights that are named, or have someone who holds them write it.',
  Stopped: 'An emergency stop is in force. A person who may stop migrations lifts it with sccctl stop lift.',
  Reapproval: 'The plan was changed while it ran. A person with the role that is asked for decides about the change.',
  Paused: 'Resume it when you are ready.',
  Suspended: 'Set spec.suspend of the plan to false.',
  AfterFailure: 'Look at what failed, then resume it or take it back.',
  Run: 'It goes on when what runs next was judged. Start a run of a CronJob, or scale the workload up, to have that sooner.',
  Governance: 'Governance does not answer the engine; it goes on by itself when it does.',
  Retry: 'It tries again by itself; remove the cause that is named.',
};

/** How to act on the wait under way, by the events of a migration. */
export function actOn(events: readonly Pick<ListedEvent, 'event'>[]): string {
  const reason = events.findLast(({ event }) => event['type'] === 'WaitStarted')?.event['reason'];
  return Object.entries(ACTS).find(([known]) => known === reason)?.[1] ?? 'The events below say what it waits for.';
}
