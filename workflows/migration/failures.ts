import type { GateSample } from '@scc/plan';
import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { plural } from '@scc/plan/words';
import { FAILURE, TERMINAL_FAILURES, WEATHER } from './contract.js';

export interface Failure {
  type: string;
  message: string;
  /** The samples of the gates when one of them failed. */
  samples: GateSample[];
}

const samplesOf = ({ type, details }: ApplicationFailure): GateSample[] =>
  type === FAILURE.gate && Array.isArray(details?.[0]) ? (details[0] as GateSample[]) : [];

/** The type and message of what really went wrong, from within Temporal's wrappers. */
export function describeFailure(error: unknown): Failure {
  if (isCancellation(error)) return { type: 'Cancelled', message: 'the migration was cancelled', samples: [] };
  const cause = error instanceof ActivityFailure && error.cause ? error.cause : error;
  if (cause instanceof ApplicationFailure)
    return { type: cause.type ?? 'Error', message: cause.message, samples: samplesOf(cause) };
  return cause instanceof Error
    ? { type: cause.name, message: cause.message, samples: [] }
    : { type: 'Error', message: String(cause), samples: [] };
}

/** How often a step was tried that met a fault which lasts, and what ends such a fault; nothing for other failures. */
export function circumstancesOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure) || cause.type !== WEATHER) return '';
  const { tries, remedy } = (cause.details?.[0] ?? {}) as { tries?: number; remedy?: string };
  return tries === undefined || remedy === undefined ? '' : ` (${plural(tries, 'try', 'tries')}; ${remedy})`;
}

/** Whether trying again may help: neither an answer that is final nor the end of the migration. */
export const isWeather = (error: unknown): boolean =>
  error instanceof ActivityFailure &&
  !isCancellation(error) &&
  !TERMINAL_FAILURES.includes(describeFailure(error).type);

/** Temporal no longer knows the workflow that changed the cluster. */
export const workflowLost = (): ApplicationFailure =>
  ApplicationFailure.nonRetryable('the workflow of this migration was lost', 'WorkflowLost');

/** Governance said no to a step: trying again changes nothing, the migration is undone. */
export const notAllowed = (message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, FAILURE.notAllowed);
