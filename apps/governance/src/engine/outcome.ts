import type { MigrationOutcome } from '@scc/governance-api';
import { headlineOf, migrationEventSchema, phaseSchema, sentenceOf, TERMINAL_PHASES } from '@scc/plan';
import { z } from 'zod';
import { type Database, type Queryable, rowOf } from '../database/rows.js';
import { findMigration } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';

const endRow = z.object({
  phase: phaseSchema.extract(TERMINAL_PHASES),
  at: z.date(),
  event: migrationEventSchema,
});

/**
 * How the migration ended, or null while it has not. The first end that was recorded counts; what is reported later
 * changes nothing. It is read from the events themselves, since the read model may be made again at any time.
 */
export async function recordedEnd(db: Queryable, uid: string): Promise<MigrationOutcome['end']> {
  const row = await rowOf(
    db,
    endRow,
    `select phase, at, event from migration_event where plan_uid = $1 and phase = any($2)
     order by recorded_at, sequence limit 1`,
    [uid, TERMINAL_PHASES],
  );
  if (!row) return null;
  const { phase, at, event } = row;
  return { phase, at: at.toISOString(), message: headlineOf(event) ?? sentenceOf(event) };
}

/**
 * Which plan the uid belongs to and how its migration ended.
 * @throws Refusal when governance never heard of the plan.
 */
export async function outcomeOf(db: Database, uid: string): Promise<MigrationOutcome> {
  const { namespace, name } = await findMigration(db, uid);
  return { plan: { namespace, name, uid }, end: await recordedEnd(db, uid) };
}

/** @throws Refusal when the migration has ended: its undo material is gone, and only a new plan changes anything. */
export async function requireOpen(db: Queryable, uid: string): Promise<void> {
  const end = await recordedEnd(db, uid);
  if (end) throw new Refusal('conflict', `the migration ${uid} is over: ${end.phase}; apply a new plan`);
}
