import type { WaitReason } from '@scc/plan/words';

/** How a user ends each wait. */
const ACTS: Record<WaitReason, string> = {
  Approval: 'A person with the role that is asked for approves or refuses it below, or with sccctl plan approve.',
  Window: 'It goes on by itself when the window opens or the freeze ends; see the calendar with sccctl.',
  OtherPlan: 'It goes on by itself when the other migration of this workload is over.',
  Rights: 'Give those who wrote the plan the rights that are named, or have someone who holds them write it.',
  Stopped: 'An emergency stop is in force. A person who may stop migrations lifts it with sccctl stop lift.',
  Reapproval: 'The plan was changed while it ran. A person with the role that is asked for decides about the change.',
  Paused: 'Resume it when you are ready.',
  Suspended: 'Set spec.suspend of the plan to false.',
  AfterFailure: 'Look at what failed, then resume it or take it back.',
  Run: 'It goes on when the next scheduled run has ended, or goes back when none comes in time.',
  Governance: 'Governance does not answer the engine; it goes on by itself when it does.',
  Retry: 'It tries again by itself; remove the cause that is named.',
};

/** How to act on a wait; a reason of a later version is told as it is. */
export const actOn = (reason: string): string =>
  Object.entries(ACTS).find(([known]) => known === reason)?.[1] ?? 'See the events below for what it waits for.';
