import type { MigrationEvent } from '@scc/plan';
import { isDivided, undoWords } from '@scc/plan/words';
import type { Conflict } from '@scc/routing';
import type { Position, UndoEntry } from './carried.js';
import type { MigrationActivities, MigrationOutline } from './contract.js';
import { describeFailure } from './failures.js';
import { registerUndo, startOf } from './position.js';
import { retryUntilDone } from './retry.js';

/** The host of an undo. */
export interface UndoEffects {
  /** Activities with bounded tries, so that an undo that cannot finish is seen and said. */
  undo: MigrationActivities;
  record: (event: MigrationEvent) => void;
  /** Says that an undo step failed, and waits before the next try. */
  undoFailed: (step: string, attempt: number, error: unknown) => Promise<void>;
  /** Whether an operator wants what cannot be undone to be left as it is. */
  isReleased: () => boolean;
}

/** The act of each entry of an undo list. Every one restores the recorded state, whatever was done of its step. */
const UNDO: {
  [Step in Exclude<UndoEntry['step'], 'verification'>]: (
    target: MigrationOutline,
    fx: UndoEffects,
    args: Extract<UndoEntry, { step: Step }>['args'],
  ) => Promise<void>;
} = {
  targetGrant: (target, { undo }) => undo.withdrawTargetGrant(target),
  canary: (target, { undo }) => undo.removeCanary(target),
  trial: (target, { undo }) => undo.removeCanary(target),
  routes: returnToStable,
  traffic: async (target, { undo }, { canary }) => {
    await undo.setWeights(target, canary, { unlessDown: true });
  },
  workload: async (target, { undo, record }) => {
    reportConflicts(record, await undo.restoreWorkload(target));
    await undo.awaitStable(target);
  },
  owners: (target, { undo }) => undo.restoreOwners(target),
  sourceGrant: (target, { undo }) => undo.restoreSourceGrant(target),
};

/** The stable pods must all be ready before any request returns to them; until then the canary keeps serving. */
async function returnToStable(target: MigrationOutline, { undo, record }: UndoEffects): Promise<void> {
  await undo.awaitStable(target);
  await undo.setMirror(target, null);
  const verified = await undo.setWeights(target, 0);
  record({ type: 'WeightShifted', step: 0, weights: { canary: 0, stable: 100 }, ...verified });
  reportConflicts(record, await undo.restoreRoutes(target));
}

export function reportConflicts(record: UndoEffects['record'], conflicts: Conflict[]): void {
  for (const conflict of conflicts) record({ type: 'ConflictFound', ...conflict });
}

/**
 * Takes back everything that the position lists, last change first, each until it succeeds or an operator releases what
 * fails. A step that is done leaves the list, so that another run can go on.
 * @returns what still differs from the recorded pre-images, and what was left undone.
 */
export async function undoAll(position: Position, fx: UndoEffects): Promise<string[]> {
  const target = position.target && ({ ...position.target, way: 'back' } as const);
  let differences: string[] = [];
  for (let entry = position.undos[0]; entry && target; entry = position.undos[0]) {
    const { step, args } = entry;
    const why = await unlessReleased(step, fx, async () => {
      if (step === 'verification') differences = await fx.undo.compareWithPreImages(target);
      else await (UNDO[step] as UndoStep)(target, fx, args);
    });
    if (why !== null) position.left = [...(position.left ?? []), `${undoWords(step).what} (left undone: ${why})`];
    else if (step !== 'verification') fx.record({ type: 'UndoStepDone', step });
    position.undos.shift();
  }
  return [...(position.left ?? []), ...differences];
}

type UndoStep = (target: MigrationOutline, fx: UndoEffects, args: unknown) => Promise<void>;

class Released extends Error {
  override readonly name = 'Released';
}

/**
 * Tries a step again until it succeeds, or fails although an operator has released it.
 * @returns why the step is left undone, or null when it is done.
 */
async function unlessReleased(
  step: UndoEntry['step'],
  fx: UndoEffects,
  work: () => Promise<void>,
): Promise<string | null> {
  try {
    await retryUntilDone(work, async (attempt, error) => {
      await fx.undoFailed(step, attempt, error);
      if (fx.isReleased()) throw new Released(describeFailure(error).message);
    });
    return null;
  } catch (error) {
    if (error instanceof Released) return error.message;
    throw error;
  }
}

/**
 * The undo list of a migration that may have stood anywhere when its workflow was lost: its order is safe from every
 * step.
 */
export function positionOfLost(target: MigrationOutline): Position {
  const position = { ...startOf(target.ref), target };
  const owners = target.stopped ? (['owners'] as const) : [];
  const steps = ['verification', 'targetGrant', ...besideOf(target), 'workload', ...owners, 'sourceGrant'] as const;
  for (const step of steps) registerUndo(position, { step, args: {} });
  return position;
}

/** What may have been made beside the workload. */
function besideOf({ strategy }: MigrationOutline): ('canary' | 'routes' | 'trial')[] {
  if (isDivided(strategy)) return ['canary', 'routes'];
  return strategy === 'NextRun' ? ['trial'] : [];
}
