import type { ApprovalNeed, EvaluationRequest } from '@scc/governance-api';
import type { Database } from '../database/rows.js';
import type { LiveEditEntity } from '../plans/live-edit.entity.js';
import { openEdit } from '../plans/live-edits.js';
import type { StoredEvaluation } from '../plans/store.js';

/** What an approval of a plan is about now: what was evaluated, or what an edit of the running plan makes of it. */
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
