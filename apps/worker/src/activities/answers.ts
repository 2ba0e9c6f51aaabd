import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { GovernanceError } from '@scc/governance-api';
import { KubeError } from '@scc/kube';
import { WEATHER, type MigrationActivities } from '@scc/migration/contract';
import { messageOf } from '@scc/runtime';
import { terminal } from './failures.js';

type Name = keyof MigrationActivities;

/** Statuses of 4xx that pass: credentials that rotate, time-outs, conflicts of versions, lists that are too old, limits. */
const PASSING = new Set([401, 408, 409, 410, 425, 429]);
/** Conflicts that no other version mends. */
const FINAL_CONFLICTS = new Set(['AlreadyExists']);

/** Whether an error is an answer, which trying again does not change, rather than weather. */
export function isAnswer(error: unknown): boolean {
  if (error instanceof KubeError) {
    if (error.status === 409) return FINAL_CONFLICTS.has(error.reason);
    return error.status >= 400 && error.status < 500 && !PASSING.has(error.status);
  }
  return error instanceof GovernanceError && error.status < 500 && !PASSING.has(error.status);
}

/** How long Temporal's own tries may last before the workflow says what is wrong, in milliseconds. */
const WEATHER_MS = 8_000;
/** These have no step to fail: they are tried until they succeed. */
const PATIENT: ReadonlySet<Name> = new Set<Name>([
  'project',
  'releasePlan',
  'recordedOutcome',
  'settlePlan',
  'loadPreImages',
]);

/**
 * What an activity's error means to the workflow.
 * @param failing how long and how often the activity was tried
 */
export function meaningOf(name: Name, error: unknown, failing: { attempt: number; forMs: number }): unknown {
  if (PATIENT.has(name) || error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (isAnswer(error)) return terminal('refused', messageOf(error));
  const lasts = failing.attempt > 1 && failing.forMs >= WEATHER_MS;
  return lasts ? ApplicationFailure.nonRetryable(messageOf(error), WEATHER) : error;
}

/** Runs an activity; an answer ends it with the server's sentence, a fault that lasts is handed to the workflow. */
export async function withMeaning<T>(name: Name, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { attempt, scheduledTimestampMs } = activityInfo();
    throw meaningOf(name, error, { attempt, forMs: Date.now() - scheduledTimestampMs });
  }
}
