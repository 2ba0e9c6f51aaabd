import type { EvaluationRequest } from '@scc/governance-api';
import type { LiveParts } from '@scc/plan';
import type { Database } from '../database/rows.js';
import { LiveEditEntity } from './live-edit.entity.js';
import type { StoredEvaluation } from './store.js';

/** As many ways in which an edit loosens are in its audit entry. */
export const MAX_LOOSENED = 50;

/** The newest edit that loosens; null when there is none, or when the plan was evaluated with it since. */
export async function openEdit(db: Database, { request }: StoredEvaluation): Promise<LiveEditEntity | null> {
  const edit = await newestEdit(db, request.plan.uid);
  return edit && edit.generation > request.plan.generation ? edit : null;
}

export const newestEdit = (db: Database, planUid: string): Promise<LiveEditEntity | null> =>
  db.getRepository(LiveEditEntity).findOne({ where: { planUid }, order: { id: 'DESC' } });

/** The plan with the edit. */
export const withParts = (
  request: EvaluationRequest,
  { generation, parts }: { generation: number; parts: LiveParts },
): EvaluationRequest => ({
  ...request,
  plan: { ...request.plan, generation },
  spec: {
    ...request.spec,
    gates: parts.gates,
    traffic: { ...request.spec.traffic, interval: parts.traffic.interval },
  },
});
