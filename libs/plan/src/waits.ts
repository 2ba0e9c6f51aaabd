/** Why a migration waits within its phase. */
export const WAIT_REASONS = [
  'Approval',
  'Window',
  'OtherPlan',
  'Rights',
  'Stopped',
  'Reapproval',
  'Paused',
  'Suspended',
  'AfterFailure',
  'Governance',
  'Retry',
  'Run',
] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];
