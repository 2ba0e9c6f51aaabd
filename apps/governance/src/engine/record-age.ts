import type { PlanIdentity } from '@scc/governance-api';
import { z } from 'zod';
import { type Queryable, rowOf } from '../database/rows.js';

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
