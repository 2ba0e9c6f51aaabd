/** Why a migration waits within its phase. */
export const WAIT_REASONS = [
  'Approval',
  'Window',
  'OtherPlan',
  'Paused',
  'Suspended',
  'AfterFailure',
  'Governance',
  'Retry',
] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

/** Whether somebody holds the migration, as opposed to it waiting for something. */
export const isHold = (reason: WaitReason): boolean =>
  reason === 'Paused' || reason === 'Suspended' || reason === 'AfterFailure';
