import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { FAILURE } from './contract.js';

/** The type and message of what really went wrong, from within Temporal's wrappers. */
export function describeFailure(error: unknown): { type: string; message: string } {
  if (isCancellation(error)) return { type: 'Cancelled', message: 'the migration was cancelled' };
  const cause = error instanceof ActivityFailure && error.cause ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { type: cause.type ?? 'Error', message: cause.message };
  return cause instanceof Error
    ? { type: cause.name, message: cause.message }
    : { type: 'Error', message: String(cause) };
}

/** Governance said no to a step: trying again changes nothing, the migration is undone. */
export const notAllowed = (message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, FAILURE.notAllowed);
