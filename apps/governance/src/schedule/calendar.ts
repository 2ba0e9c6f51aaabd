import type { EvaluationRequest } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';

/** When the migration may start: `at` is null when it may start now. */
export interface StartTime {
  at: Date | null;
  reason: string;
}

export function nextStart(_tx: EntityManager, _request: EvaluationRequest, _now: Date): Promise<StartTime> {
  return Promise.resolve({ at: null, reason: 'no freeze and no window stands against it' });
}

/** Whether a freeze holds the workload now, and until when. */
export function activeFreeze(_tx: EntityManager, _request: EvaluationRequest, _now: Date): Promise<StartTime> {
  return Promise.resolve({ at: null, reason: 'no freeze' });
}
