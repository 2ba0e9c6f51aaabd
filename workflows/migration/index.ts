import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { undoWords } from '@scc/plan/words';
import { actWords } from './act-words.js';
import { activities, patientActivities, undoActivities } from './activities.js';
import { lookAfterwards } from './after.js';
import type { Carried, Position } from './carried.js';
import { Clearance } from './clearance.js';
import { FAILURE, statusQuery, type MigrationInput, type MigrationResult } from './contract.js';
import { undoStarted } from './decide.js';
import type { Effects } from './effects.js';
import { describeFailure, workflowLost } from './failures.js';
import { Hold } from './hold.js';
import { Journal } from './journal.js';
import { migrate, takeBack } from './migrate.js';
import { Operator } from './operator.js';
import { HandOver, startOf } from './position.js';
import { pauseBeforeRetry, retryUntilDone } from './retry.js';
import { positionOfLost } from './undo.js';
import { handOverWhenLong, steadied, waitUntil, waiting } from './waits.js';

export { afterWorkflow } from './after.js';
export { campaignWorkflow } from './campaign.js';

const FIRST_RETRY_MS = 15_000;
const LONGEST_RETRY_MS = 300_000;

/** One migration plan from its acceptance to its end. */
export async function migrationWorkflow({ ref, carried }: MigrationInput): Promise<MigrationResult> {
  const position = carried?.position ?? startOf(ref);
  const result = await hosted(position, carried, ({ effects }) => migrate(position, effects));
  const { target } = position;
  if (result.phase === 'Completed' && target?.after) await lookAfterwards(target);
  return result;
}

/**
 * Undoes, from the recorded pre-images, a migration whose own workflow was terminated or lost. A migration that has
 * ended is not undone, in spite of the plan's status: then the plan is only brought in line with governance's record
 * and released.
 */
export async function undoWorkflow({ ref, carried, finished = false }: MigrationInput): Promise<MigrationResult> {
  if (!carried) {
    const { known, end } = await patientActivities.recordedOutcome(ref);
    if (!known || end || finished) {
      await patientActivities.settlePlan(ref);
      if (end)
        return { phase: end.phase, message: `over before its workflow was lost, nothing is undone: ${end.message}` };
      throw ApplicationFailure.nonRetryable(
        known
          ? `governance has not recorded how the finished migration of ${ref.namespace}/${ref.name} ended, so its plan stays as it is`
          : `uid: governance has no record of a migration ${ref.uid} of ${ref.namespace}/${ref.name}, so nothing was changed and nothing is undone`,
        FAILURE.refused,
      );
    }
  }
  const position = carried?.position ?? (await lostPosition(ref));
  return hosted(position, carried, ({ effects, journal }) => {
    if (!carried && position.undoing) journal.record(position.undoing);
    return takeBack(position, effects);
  });
}

async function lostPosition(ref: MigrationInput['ref']): Promise<Position> {
  const target = await patientActivities.takeOver(ref);
  const position = target ? positionOfLost(target) : startOf(ref);
  const undoing = undoStarted(null, describeFailure(workflowLost()));
  return { ...position, undoing };
}

interface Host {
  effects: Effects;
  journal: Journal;
}

/** Runs a migration with everything around it, and releases the plan at its end or hands over to the next run. */
async function hosted(
  position: Position,
  carried: Carried | undefined,
  work: (host: Host) => Promise<MigrationResult>,
): Promise<MigrationResult> {
  const { ref } = position;
  const body = new CancellationScope();
  const journal = new Journal(ref, carried?.journal);
  const operator = new Operator(ref, journal, () => body.cancel(), carried?.operator);
  operator.wire();
  setHandler(statusQuery, () => journal.status());
  if (position.target) showWorkload(journal, position);
  const host = { journal, effects: effectsOf({ position, body, journal, operator }) };
  try {
    const result = await journal.keptWhile(() => operator.servedWhile(() => body.run(() => work(host))));
    await CancellationScope.nonCancellable(async () => {
      await patientActivities.releasePlan(ref);
      await condition(allHandlersFinished);
    });
    return result;
  } catch (error) {
    if (!(error instanceof HandOver)) throw error;
    await CancellationScope.nonCancellable(async () => {
      await condition(allHandlersFinished);
      await patientActivities.handOver(ref);
    });
    const handed = { position, journal: journal.carried(), operator: operator.carried() };
    return await continueAsNew<typeof migrationWorkflow>({ ref, carried: handed });
  }
}

function showWorkload(journal: Journal, { target }: Position): void {
  if (target) journal.showOn({ kind: target.kind, name: target.workload, uid: target.workloadUid });
}

interface Parts {
  position: Position;
  body: CancellationScope;
  journal: Journal;
  operator: Operator;
}

/** Everything that time, operators and faults do to one migration. */
function effectsOf({ position, body, journal, operator }: Parts): Effects {
  const { ref } = position;
  const record: Effects['record'] = (event) => {
    if (event.type === 'PreparationStarted') showWorkload(journal, position);
    journal.record(event);
  };
  const isStopped = (): boolean => body.consideredCancelled;
  const act = steadied(activities, record);
  const hold = new Hold({ act, operator, isStopped });
  const clearance = new Clearance({ ref, act, journal, operator, hold });
  const isDeleted = (): boolean => isStopped() || CancellationScope.current().consideredCancelled;
  const deletion = { command: 'delete', actor: null, reason: null } as const;

  return {
    act,
    undo: undoActivities,
    record,
    now: () => Date.now(),
    firstStatus: () => journal.firstStatus(),
    adopt: (plan) => {
      operator.adopt(plan.live);
      journal.nameWorkload(plan.workload);
    },
    settings: () => operator.live(),
    clearance: (next, watch) => clearance.clear(next, watch),
    restIfLong: handOverWhenLong,
    awaitStart: (notBeforeMs) => clearance.awaitStart(notBeforeMs),
    awaitApproval: (roles) => clearance.awaitApproval(roles),
    hold: (request) => hold.run(request),
    failedSamples: (error) => describeFailure(error).samples,
    undoStarted: (cause) => undoStarted(operator.stop() ?? (isDeleted() ? deletion : null), describeFailure(cause)),
    isReleased: () => operator.isReleased(),
    undoFailed: async (step, attempt, error) => {
      record({ type: 'UndoStepFailed', step, attempt, message: describeFailure(error).message });
      handOverWhenLong();
      const pauseMs = pauseBeforeRetry(attempt, FIRST_RETRY_MS, LONGEST_RETRY_MS);
      if (operator.isReleased()) return;
      const elapsed = sleep(pauseMs, { summary: `${undoWords(step).doing} is tried again` });
      await Promise.race([elapsed, condition(() => operator.isReleased())]);
    },
    untilDone: (activity, work) =>
      retryUntilDone(work, async (attempt, error) => {
        const message = `${actWords(activity)} failed and is tried again: ${describeFailure(error).message}`;
        await waiting(record, { reason: 'Retry', message }, async () => {
          await waitUntil(() => false, pauseBeforeRetry(attempt, FIRST_RETRY_MS, LONGEST_RETRY_MS));
        });
      }),
    shielded: (stage, work) => {
      operator.enter(stage);
      return CancellationScope.nonCancellable(work);
    },
    attempt: (work) =>
      retryUntilDone(work, async (_attempt, error) => {
        if (isDeleted() || position.plan?.onFailure !== 'Pause') throw error;
        operator.pause();
        const message = `${describeFailure(error).message}. Resume to try again, or roll back.`;
        await waiting(record, { reason: 'AfterFailure', message }, () => waitUntil(() => !operator.isPaused()));
      }),
  };
}
