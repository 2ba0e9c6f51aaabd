import { type GateSample, gateSentence } from '@scc/plan';
import { GovernanceError } from '@scc/governance-api';
import { KubeError } from '@scc/kube';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '@scc/migration/contract';

/** A failure that trying again cannot mend; the workflow reads its type and undoes the migration. */
export const terminal = (type: keyof typeof FAILURE, message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, FAILURE[type]);

/** Gates that failed, with what all gates saw. */
export const gatesFailed = (failed: GateSample[], seen: GateSample[]): ApplicationFailure =>
  ApplicationFailure.nonRetryable(failed.map(gateSentence).join('; '), FAILURE.gate, seen);

/** Statuses of 4xx that pass: credentials that rotate, time-outs, conflicts of versions, lists that are too old, limits. */
const PASSING = new Set([401, 408, 409, 410, 425, 429]);
/** Conflicts that no other version mends. */
const FINAL_CONFLICTS = new Set(['AlreadyExists']);

/** What a server-side apply can never write, which the API server calls a fault of its own. */
const UNTYPED = /^failed to create typed (patch|live|manager) object/;

/** Whether an error is an answer, which trying again does not change, rather than weather. */
export function isAnswer(error: unknown): boolean {
  if (error instanceof KubeError) {
    if (error.status === 500) return UNTYPED.test(error.message);
    if (error.status === 409) return FINAL_CONFLICTS.has(error.reason);
    return error.status >= 400 && error.status < 500 && !PASSING.has(error.status);
  }
  return error instanceof GovernanceError && error.status < 500 && !PASSING.has(error.status);
}
