import type { GateSample, MigrationEvent, PlanStatus, Step, Violation } from '@scc/plan';
import type { AcceptedPlan, LiveSettings, MigrationActivities, MigrationOutline } from './contract.js';
import type { UndoEffects } from './undo.js';

/** The next step of a migration, as governance and people are asked about it. */
export interface NextStep {
  step: Step;
  detail: string;
  contentHash: string;
}

/** How a step was allowed. */
export interface Cleared {
  waited: boolean;
  /** Set when it was not: the plan has to be judged again first. */
  outdated?: boolean;
}

/** The host of the saga: the activities, and everything that time and operators do to it. */
export interface Effects extends UndoEffects {
  act: MigrationActivities;
  now: () => number;
  /** What a plan shows once it is accepted. */
  firstStatus: () => PlanStatus;
  /** Takes over what the plan says about its own course: settings that may change, what a failure leads to. */
  adopt: (plan: AcceptedPlan) => void;
  settings: () => LiveSettings;
  /** Waits while paused, suspended or outside the window, then asks governance whether the step may run. */
  clearance: (next: NextStep, watch?: { target: MigrationOutline; weight: number }) => Promise<Cleared>;
  /** Ends this run where its history has grown long; the next one goes on from the same position. */
  restIfLong: () => void;
  awaitStart: (notBeforeMs: number | null) => Promise<void>;
  /** Waits for governance to say yes; a violation when it said no. */
  awaitApproval: (roles: { role: string; count: number }[]) => Promise<Violation | null>;
  /**
   * Holds and watches the gates until the time is over or an operator skips the rest. Without a duration it is the
   * plan's interval, also when that is edited meanwhile.
   */
  hold: (request: {
    target: MigrationOutline;
    weight: number;
    durationMs: number | null;
    sinceMs: number;
    workloadSinceMs?: number;
    partition?: number;
  }) => Promise<GateSample[]>;
  /** Runs a step; when the plan wants to pause on failure, waits for the operator and runs it again. */
  attempt: <T>(work: () => Promise<T>) => Promise<T>;
  /** The samples of the gates when it is they that failed; else none. */
  failedSamples: (error: unknown) => GateSample[];
  /** Runs a step of the end until it succeeds, and says each time that it does not. */
  untilDone: <T>(activity: keyof MigrationActivities, work: () => Promise<T>) => Promise<T>;
  /** Runs what must not be stopped any more, out of the reach of cancellation and commands. */
  shielded: <T>(stage: 'finishing' | 'undoing', work: () => Promise<T>) => Promise<T>;
  /** The event that opens an undo: who or what made it necessary. */
  undoStarted: (cause: unknown) => Extract<MigrationEvent, { type: 'UndoStarted' }>;
}
