import type { StopAnswer } from '@scc/governance-api';
import { undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import { within } from '@scc/runtime';
import type { IsRunning } from '../approvals/temporal.js';

/** Questions to Temporal at a time. */
const AT_ONCE = 16;
/** A stop is answered in this time, whatever Temporal does. */
const REACH_MS = 15_000;

type Stopped = StopAnswer['migrations'][number];

/** Where the controller asks. */
export class WorkflowReach {
  constructor(readonly isRunning: IsRunning) {}
}

/**
 * The begun migrations that a stop does not reach: none of their workflows runs, or Temporal does not say whether one
 * does. The stop holds for them as well, for governance allows no step of theirs; but nobody holds or undoes what they
 * left, and an administrator has to look.
 */
export async function unreachedBy(
  migrations: readonly Stopped[],
  isRunning: IsRunning,
  reachMs = REACH_MS,
): Promise<StopAnswer['unreached']> {
  const begun = migrations.filter(({ did }) => did !== 'notBegun');
  const why = new Map<string, string | null>();
  const waiting = [...begun];
  const ask = async (): Promise<void> => {
    for (let one = waiting.shift(); one; one = waiting.shift()) why.set(one.uid, await whyUnreached(one, isRunning));
  };
  await within(Promise.all(Array.from({ length: AT_ONCE }, ask)), reachMs);
  return begun.flatMap(({ uid, namespace, name, did }) => {
    const known = why.get(uid);
    const reason = known === undefined ? `Temporal did not answer within ${reachMs / 1000} s` : known;
    const [forward, undo] = [workflowIdOf, undoWorkflowIdOf].map((idOf) => idOf({ namespace, name, uid }));
    const workflowId = (did === 'undoing' ? undo : forward) ?? '';
    return reason === null ? [] : [{ uid, namespace, name, workflowId, reason }];
  });
}

/** Null when a workflow of the migration runs. */
async function whyUnreached(plan: Stopped, isRunning: IsRunning): Promise<string | null> {
  try {
    for (const workflowId of [workflowIdOf(plan), undoWorkflowIdOf(plan)])
      if (await isRunning(workflowId, null)) return null;
    return 'no workflow of this migration runs';
  } catch {
    return 'Temporal does not say whether its workflow runs';
  }
}
