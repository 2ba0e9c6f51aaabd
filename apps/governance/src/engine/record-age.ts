import { type EvaluationRequest, type PlanIdentity, planIdentitySchema } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { Writing } from '../access/plan-rights.js';
import { lendersOf } from '../approvals/lending.js';
import { type Queryable, rowOf } from '../database/rows.js';
import type { StoredEvaluation } from '../plans/store.js';

const seenRow = z.object({ at: z.date().nullable() });

/** When governance first saw what is recorded of each editor of a plan; undefined where it never did. */
export async function editorsSeenAt(
  db: Queryable,
  { uid, editorIdentity, earlierEditors }: Pick<PlanIdentity, 'uid' | 'editorIdentity' | 'earlierEditors'>,
): Promise<Required<Pick<Writing, 'earlierSeenAt'>> & Pick<Writing, 'editorSeenAt'>> {
  const earlierSeenAt: (Date | undefined)[] = [];
  for (const editor of earlierEditors ?? []) earlierSeenAt.push(await seenAt(db, uid, editor));
  return { editorSeenAt: editorIdentity ? await seenAt(db, uid, editorIdentity) : undefined, earlierSeenAt };
}

async function seenAt(
  db: Queryable,
  uid: string,
  identity: NonNullable<PlanIdentity['editorIdentity']>,
): Promise<Date | undefined> {
  const row = await rowOf(
    db,
    seenRow,
    `select min(evaluated_at) as at from evaluation
     where plan_uid = $1
       and ((request -> 'plan' -> 'editorIdentity')::jsonb = $2::jsonb
         or (request -> 'plan' -> 'earlierEditors')::jsonb @> jsonb_build_array($2::jsonb))`,
    [uid, JSON.stringify(identity)],
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
  return [asked, { now, lenders, ...(await editorsSeenAt(tx, asked.plan)) }];
}
