/** Where a migration stands. Waiting, paused and outside its window are conditions within a phase, never phases. */
export const PHASES = [
  'Pending',
  'Validating',
  'Mirroring',
  'TrafficShifting',
  'Migrating',
  'Completed',
  'RollingBack',
  'RolledBack',
  'Rejected',
  'Failed',
] as const;
export type Phase = (typeof PHASES)[number];

/** Phases that a migration never leaves. `Failed` is none of them: its undo is retried until it succeeds. */
export const TERMINAL_PHASES = ['Completed', 'RolledBack', 'Rejected'] as const satisfies readonly Phase[];
export type TerminalPhase = (typeof TERMINAL_PHASES)[number];

/** Whether a migration in this phase is over; a plan without a phase has not begun. */
export const isTerminal = (phase: Phase | null | undefined): phase is TerminalPhase =>
  TERMINAL_PHASES.some((terminal) => terminal === phase);

/** Whether a migration in this phase is under way and may have changed the cluster already. */
export const hasTouched = (phase: Phase | null | undefined): boolean =>
  phase !== null && phase !== undefined && !isTerminal(phase) && phase !== 'Pending' && phase !== 'Validating';
