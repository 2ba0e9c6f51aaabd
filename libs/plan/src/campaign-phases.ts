/**
 * How far a campaign is. `Stopped`: more plans failed than its budget allows. `Completed`, `Aborted` and `Rejected` are
 * ends.
 */
export const CAMPAIGN_PHASES = ['Pending', 'Running', 'Stopped', 'Completed', 'Aborted', 'Rejected'] as const;
export type CampaignPhase = (typeof CAMPAIGN_PHASES)[number];

const ENDS: readonly (string | undefined)[] = ['Completed', 'Aborted', 'Rejected'];
export const isCampaignOver = (phase: string | undefined): boolean => ENDS.includes(phase);

/** How far one workload of a campaign is: `Waiting` until its plan is created, then as its plan ended. */
export const MEMBER_STATES = ['Waiting', 'Running', 'Completed', 'Failed'] as const;
export type MemberState = (typeof MEMBER_STATES)[number];
