import type { GateSample } from '@scc/plan';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '@scc/migration/contract';

/** A failure that trying again cannot mend; the workflow reads its type and undoes the migration. */
export const terminal = (type: keyof typeof FAILURE, message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, FAILURE[type]);

/** Gates that failed, with what they saw. */
export const gatesFailed = (samples: GateSample[], message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, FAILURE.gate, samples);
