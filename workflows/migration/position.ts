import type { PlanRef } from '@scc/plan';
import type { Position, UndoEntry } from './carried.js';

/** Where every migration begins. */
export const startOf = (ref: PlanRef): Position => ({
  ref,
  plan: null,
  target: null,
  contentHash: null,
  done: [],
  undos: [],
  undoing: null,
  startedMs: 0,
  heldSinceMs: null,
});

/** Registers an undo once, before the change that it takes back: a change that timed out may still have been made. */
export function registerUndo(position: Position, entry: UndoEntry): void {
  if (!position.undos.some(({ step }) => step === entry.step)) position.undos.unshift(entry);
}

/** Runs a step unless an earlier run of this migration has done it. */
export async function once(position: Position, step: string, work: () => Promise<void>): Promise<void> {
  if (position.done.includes(step)) return;
  await work();
  position.done.push(step);
}

/** A trial has come to its end, and what it made is taken back: as planned, and by the same way as after a failure. */
export class TrialOver extends Error {
  override readonly name = 'TrialOver';
}

/**
 * The history has grown long while the migration only waits: this run ends and the next goes on from the same position.
 * It passes through everything that handles failures.
 */
export class HandOver extends Error {
  override readonly name = 'HandOver';
}
