import type { CommandName, MigrationEvent, PlanRef, RecordedEvent, UndoStep } from '@scc/plan';
import type { AcceptedPlan, CommandInput, LiveSettings, MigrationOutline } from './payloads.js';
import type { MigrationState } from './state.js';

/** Everything that one run hands over to the next: plain data. */
export interface Carried {
  position: Position;
  journal: JournalState;
  operator: OperatorState;
}

/** How a change is taken back; `run` of the same name in `undo.ts` does it. */
export type UndoEntry =
  { step: Exclude<UndoStep, 'traffic'>; args: Record<string, never> } | { step: 'traffic'; args: { canary: number } };

/**
 * Where a migration stands, as plain data: what was decided, which steps are done, how to take them back (last change
 * first).
 */
export interface Position {
  ref: PlanRef;
  plan: AcceptedPlan | null;
  target: MigrationOutline | null;
  contentHash: string | null;
  done: string[];
  undos: UndoEntry[];
  /** Parts that an undo left undone because an operator released it. */
  left?: string[];
  /** The event that opened the undo, once there is one. */
  undoing: Extract<MigrationEvent, { type: 'UndoStarted' }> | null;
  /** Milliseconds since the epoch at which the first change was made. */
  startedMs: number;
  /** Milliseconds since the epoch at which the hold under way began; null outside a hold. */
  heldSinceMs: number | null;
  /** When live requests began to go to the canary, and to come back; absent before, and from earlier versions. */
  liveMs?: number;
  returnedMs?: number;
  /** Since when every proxy was seen to lead everything to one side; absent while none was, and from earlier versions. */
  ledMs?: number;
  /** The wait for the first run or pods has ended, and none came. */
  notObserved?: true;
  /** When gates judged last; absent before, and from earlier versions. */
  judgedMs?: number;
}

/** The state that the events so far lead to, and the events that governance does not have yet. */
export interface JournalState {
  state: MigrationState;
  unreported: RecordedEvent[];
  checkpoint: string | null;
  /** Of the last status that was written; runs of earlier versions hand over none. */
  sequence?: number;
}

/** The commands of operators, and the settings of the plan that may change meanwhile. */
export interface OperatorState {
  paused: boolean;
  /** Undo steps that fail are left undone. */
  released?: boolean;
  settings: LiveSettings | null;
  /** Commands that came as signals and are not looked at yet, each name once. */
  asked: [CommandName, CommandInput][];
  /** The newest generation of the plan that was heard of. */
  editedGeneration: number;
}
