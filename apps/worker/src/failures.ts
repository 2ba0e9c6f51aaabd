import { type GateSample, gateSentence } from '@scc/plan';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '@scc/migration/contract';

/** A failure that trying again cannot mend; the workflow reads its type and undoes the migration. */
export const terminal = (type: keyof typeof FAILURE, message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, FAILURE[type]);

/** Gates that failed, with what all gates saw. */
export const gatesFailed = (failed: GateSample[], seen: GateSample[]): ApplicationFailure =>
  ApplicationFailure.nonRetryable(failed.map(gateSentence).join('; '), FAILURE.gate, seen);
