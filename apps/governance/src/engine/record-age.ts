import { type EvaluationRequest, type PlanIdentity, planIdentitySchema } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { Writing } from '../access/plan-rights.js';
import { lendersOf } from '../approvals/lending.js';
import { type Queryable, rowOf } from '../database/rows.js';
import type { StoredEvaluation } from '../plans/store.js';

const seenRow = z.object({ at: z.date().nullable() });

/** When governance first saw what is recorded of the last editor of a plan; undefined when it never did. */
export async function editorSeenAt(
  db: Queryable,
  { uid, editorIdentity }: Pick<PlanIdentity, 'uid' | 'editorIdentity'>,
): Promise<Date | undefined> {
  if (editorIdentity === null) return undefined;
  const row = await rowOf(
    db,
    seenRow,
    `select min(evaluated_at) as at from evaluation
     where plan_uid = $1 and (request -> 'plan' -> 'editorIdentity')::jsonb = $2::jsonb`,
    [uid, JSON.stringify(editorIdentity)],
  );
  return row?.at ?? undefined;
}

/** The question about the rights of those who wrote a plan, as it was evaluated, and what is known of them now. */
export async function askedAbout(
  tx: EntityManager,
  { request }: Pick<StoredEvaluation, 'request'>,
  now: Date,
): Promise<[EvaluationRequest, Writing]> {
  // An evaluation from before identities were kept has an author who is not known.
  const asked = { ...request, plan: planIdentitySchema.parse(request.plan) };
  const lenders = await lendersOf(tx, asked, now);
  return [asked, { now, lenders, editorSeenAt: await editorSeenAt(tx, asked.plan) }];
}
