import { randomUUID } from 'node:crypto';
import type { Evaluation, EvaluationRequest } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';

/** The assessment of a migration's risk: conservative and constant. */
export function assessRisk(_tx: EntityManager, _request: EvaluationRequest): Promise<Evaluation['risk']> {
  return Promise.resolve({
    assessmentId: randomUUID(),
    modelVersion: 'constant',
    band: 'medium',
    raisedBy: 'changeRisk',
    changeRisk: 0.1,
    interval: [0.02, 0.6],
    exposure: 0.1,
    factors: [],
    cheapestChange: null,
  });
}
