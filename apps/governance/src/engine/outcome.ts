import type { MigrationOutcome } from '@scc/governance-api';
import { headlineOf, migrationEventSchema, phaseSchema, sentenceOf, TERMINAL_PHASES } from '@scc/plan';
import { z } from 'zod';
import { type Database, type Queryable, rowOf } from '../database/rows.js';
import { findMigration } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { MigrationEndEntity } from './activity.entity.js';
import { begunOf } from './begun.js';
import { isChange, isRevokedLater } from './order.js';
import { keptAfterwards, targetOf } from './target.js';

const endRow = z.object({
  phase: phaseSchema.extract(TERMINAL_PHASES),
  at: z.date(),
  event: migrationEventSchema,
});

/**
 * How the migration ended, or null while it has not. The first end that receipts cover counts; what is reported later
 * changes nothing, and the read model may be made again at any time.
 */
export async function recordedEnd(db: Queryable, uid: string): Promise<MigrationOutcome['end']> {
  const row = await rowOf(
    db,
    endRow,
    `select m.phase, m.ended_at as at, e.event from migration_end m
     join migration_event e using (workflow_id, run_id, sequence) where m.plan_uid = $1 and m.untrusted is null`,
    [uid],
  );
  if (!row) return null;
  const { phase, at, event } = row;
  return { phase, at: at.toISOString(), message: headlineOf(event) ?? sentenceOf(event) };
}

/** Why the newest end that was reported does not count, while none does; null otherwise. */
export async function untrustedEnd(db: Database, planUid: string): Promise<string | null> {
  const ends = await db.getRepository(MigrationEndEntity).find({ where: { planUid }, order: { id: 'ASC' } });
  return ends.some(({ untrusted }) => untrusted === null) ? null : (ends.at(-1)?.untrusted ?? null);
}

/** How many migrations have an end that was reported and does not count, and none that does. */
export async function countUntrusted(db: Queryable): Promise<number> {
  const row = await rowOf(
    db,
    z.object({ plans: z.int() }),
    `select count(distinct plan_uid)::int as plans from migration_end e where untrusted is not null
     and not exists (select from migration_end o where o.plan_uid = e.plan_uid and o.untrusted is null)`,
  );
  return row?.plans ?? 0;
}

/**
 * Which plan the uid belongs to and how its migration ended.
 * @throws Refusal when governance never heard of the plan.
 */
export async function outcomeOf(db: Database, uid: string): Promise<MigrationOutcome> {
  const { namespace, name } = await findMigration(db, uid);
  const begun = await begunOf(db, uid);
  const end = await recordedEnd(db, uid);
  const target = end?.phase === 'Completed' ? await targetOf(db, uid) : null;
  return {
    plan: { namespace, name, uid },
    end,
    begun: begun.some(isChange),
    untrusted: await untrustedEnd(db, uid),
    afterwards: keptAfterwards(target) ? { target: target ?? {}, revoked: isRevokedLater(begun) } : null,
  };
}

/** @throws Refusal when the migration has ended: its undo material is gone, and only a new plan changes anything. */
export async function requireOpen(db: Queryable, uid: string): Promise<void> {
  const end = await recordedEnd(db, uid);
  if (end) throw new Refusal('conflict', `the migration ${uid} is over: ${end.phase}; apply a new plan`);
}
