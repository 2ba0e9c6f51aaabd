import type { Evaluation } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { Scope } from '../call/scope.js';
import type { Database } from '../database/rows.js';
import { inScope, matching } from '../paging/filters.js';
import { PolicyVerdictEntity } from './policy-verdict.entity.js';

type Recorded = Evaluation['recorded'][number];

export interface EvaluatedPlan {
  plan: { uid: string; namespace: string; name: string };
  contentHash: string;
  entryId: string;
  now: Date;
}

const counts = new Map<string, { policy: string; because: string; count: number }>();

/** How often policies spoke without effect since the process began, for metrics. */
export const countedVerdicts = (): { labels: { policy: string; because: string }; value: number }[] =>
  [...counts.values()].map(({ policy, because, count }) => ({ labels: { policy, because }, value: count }));

/** Counts what policies said without effect, whether all of it is kept or not. */
export function countVerdicts(recorded: readonly Recorded[]): void {
  for (const { policy, because } of recorded) {
    const key = `${policy} ${because}`;
    counts.set(key, { policy, because, count: (counts.get(key)?.count ?? 0) + 1 });
  }
}

/** Keeps what policies said that did not stand in the plan's way, once for each content of the plan. */
export async function keepVerdicts(
  tx: EntityManager,
  recorded: readonly Recorded[],
  { plan, contentHash, entryId, now }: EvaluatedPlan,
): Promise<void> {
  if (recorded.length === 0) return;
  await tx.query(
    `insert into policy_verdict (plan_uid, content_hash, namespace, name, policy, binding, rule, because, would, message, entry_id, evaluated_at)
     select $1, $2, $3, $4, t.policy, t.binding, t.rule, t.because, t.would, t.message, $5, $6
     from jsonb_to_recordset($7::jsonb) as t (policy text, binding text, rule text, because text, would text, message text)
     on conflict do nothing`,
    [plan.uid, contentHash, plan.namespace, plan.name, entryId, now, JSON.stringify(recorded)],
  );
}

export const verdictFilterSchema = z.object({
  namespace: z.string().max(63).optional(),
  policy: z.string().max(63).optional(),
  because: z.enum(['warn', 'audit', 'exception']).optional(),
  plan: z.string().max(64).optional().describe('The uid of a plan.'),
  from: z.iso.datetime({ offset: true }).optional().describe('Evaluated at or after.'),
  to: z.iso.datetime({ offset: true }).optional().describe('Evaluated before.'),
});
export type VerdictFilter = z.infer<typeof verdictFilterSchema>;

/** Where a page ended: newest first. */
export const verdictPositionSchema = z.object({ at: z.iso.datetime(), id: z.string().regex(/^[0-9]{1,18}$/) });

const toVerdict = ({ planUid, namespace, name, evaluatedAt, migration: _plan, ...verdict }: PolicyVerdictEntity) => ({
  ...verdict,
  plan: { uid: planUid, namespace, name },
  evaluatedAt: evaluatedAt.toISOString(),
});
export type PolicyVerdict = ReturnType<typeof toVerdict>;

/** One page of what policies said without effect, newest first. */
export async function listVerdicts(
  db: Database,
  { namespace, policy, because, plan, from, to }: VerdictFilter,
  { limit, after, scope }: { limit: number; after: z.infer<typeof verdictPositionSchema> | null; scope: Scope },
): Promise<PolicyVerdict[]> {
  const query = db.getRepository(PolicyVerdictEntity).createQueryBuilder('v');
  query.orderBy({ 'v.evaluatedAt': 'DESC', 'v.id': 'DESC' }).limit(limit);
  matching(query, { namespace, policy, because, planUid: plan });
  if (from !== undefined) query.andWhere('v.evaluatedAt >= :from', { from });
  if (to !== undefined) query.andWhere('v.evaluatedAt < :to', { to });
  if (after) query.andWhere('(v.evaluatedAt, v.id) < (:at, :id)', after);
  return (await inScope(query, 'v.namespace', scope).getMany()).map(toVerdict);
}
