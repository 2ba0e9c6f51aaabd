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

const AWAITS = 'waiting for ';

/** A wait by its message: what is waited for, or what holds the migration where it is. */
export const waitWords = (message: string): { label: 'waits for' | 'held'; what: string } =>
  message.startsWith(AWAITS)
    ? { label: 'waits for', what: message.slice(AWAITS.length) }
    : { label: 'held', what: message };
