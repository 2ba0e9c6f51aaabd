import type { MigrationEvent } from '@scc/plan';
import type { Conflict } from '@scc/routing';
import type { Position, UndoEntry } from './carried.js';
import type { MigrationActivities, MigrationTarget, StoredImage } from './contract.js';
import { registerUndo, startOf } from './position.js';
import { retryUntilDone } from './retry.js';

/** What taking changes back needs of its host. */
export interface UndoEffects {
  /** Activities with bounded tries, so that an undo that cannot finish is seen and said. */
  undo: MigrationActivities;
  record: (event: MigrationEvent) => void;
  /** Says that an undo step failed, and waits before the next try. */
  undoFailed: (step: string, attempt: number, error: unknown) => Promise<void>;
}

interface Recorded {
  target: MigrationTarget;
  images: StoredImage[];
}

/** What each entry of an undo list does. Every one restores the recorded state, whatever was done of its step. */
const UNDO: {
  [Step in Exclude<UndoEntry['step'], 'verification'>]: (
    recorded: Recorded,
    fx: UndoEffects,
    args: Extract<UndoEntry, { step: Step }>['args'],
  ) => Promise<void>;
} = {
  targetGrant: ({ target }, { undo }) => undo.withdrawTargetGrant(target),
  canary: ({ target }, { undo }) => undo.removeCanary(target),
  routes: returnToStable,
  traffic: async ({ target }, { undo }, { canary }) => {
    await undo.setWeights(target, canary, { unlessDown: true });
  },
  workload: async ({ target, images }, { undo, record }) => {
    reportConflicts(record, await undo.restoreWorkload(target, images));
    await undo.awaitStable(target);
  },
  sourceGrant: ({ target }, { undo }) => undo.restoreSourceGrant(target),
};

/** The stable pods must all be ready before any request returns to them; until then the canary keeps serving. */
async function returnToStable({ target, images }: Recorded, { undo, record }: UndoEffects): Promise<void> {
  await undo.awaitStable(target);
  await undo.setMirror(target, null);
  const { verifiedBy } = await undo.setWeights(target, 0);
  record({ type: 'WeightShifted', step: 0, weights: { canary: 0, stable: 100 }, verifiedBy });
  reportConflicts(record, await undo.restoreRoutes(target, images));
}

export function reportConflicts(record: UndoEffects['record'], conflicts: Conflict[]): void {
  for (const conflict of conflicts) record({ type: 'ConflictFound', ...conflict });
}

/**
 * Takes back everything that the position lists, last change first, each until it succeeds. What is done leaves the list,
 * so that another run can go on.
 * @returns what still differs from the recorded pre-images.
 */
export async function undoAll(position: Position, fx: UndoEffects): Promise<string[]> {
  const { target, images } = position;
  let differences: string[] = [];
  for (let entry = position.undos[0]; entry && target; entry = position.undos[0]) {
    const { step } = entry;
    const failed = (attempt: number, error: unknown) => fx.undoFailed(step, attempt, error);
    if (step === 'verification') {
      differences = await retryUntilDone(() => fx.undo.compareWithPreImages(target, images), failed);
    } else {
      const run = UNDO[step] as (recorded: Recorded, fx: UndoEffects, args: unknown) => Promise<void>;
      const { args } = entry;
      await retryUntilDone(() => run({ target, images }, fx, args), failed);
      fx.record({ type: 'UndoStepDone', step });
    }
    position.undos.shift();
  }
  return differences;
}

/** The undo list of a migration that may have stood anywhere when its workflow was lost: its order is safe from every step. */
export function positionOfLost(recorded: Recorded): Position {
  const position = { ...startOf(recorded.target.ref), ...recorded };
  const steps = ['verification', 'targetGrant', 'canary', 'routes', 'workload', 'sourceGrant'] as const;
  for (const step of steps) registerUndo(position, { step, args: {} });
  return position;
}
