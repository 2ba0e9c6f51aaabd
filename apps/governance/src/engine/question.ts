import type { ApprovalNeed, EvaluationRequest } from '@scc/governance-api';
import type { Database } from '../database/rows.js';
import type { LiveEditEntity } from '../plans/live-edit.entity.js';
import { openEdit } from '../plans/live-edits.js';
import type { StoredEvaluation } from '../plans/store.js';

/** The subject of an approval now: the plan as it was evaluated, or as an edit of the running plan makes it. */
export interface Question {
  contentHash: string;
  needs: ApprovalNeed[];
  edit: LiveEditEntity | null;
}

export async function questionOf(db: Database, evaluation: StoredEvaluation): Promise<Question> {
  const edit = await openEdit(db, evaluation);
  const { contentHash, approvals: needs } = evaluation.answer;
  return edit ? { contentHash: edit.contentHash, needs: edit.needs, edit } : { contentHash, needs, edit };
}

/** The plan may ask for an approval that no policy demands. */
export const ownNeed = ({ spec }: EvaluationRequest): ApprovalNeed[] =>
  spec.approval.required ? [{ role: 'approver', count: 1, reason: 'the plan asks for approval' }] : [];
