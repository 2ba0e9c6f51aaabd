import {
  type Evaluation,
  evaluationRequestSchema,
  evaluationSchema,
  type EvaluationRequest,
  type PlanIdentity,
} from '@scc/governance-api';
import type { PlanRef } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Refusal } from '../database/refusal.js';
import { type Queryable, rowOf } from '../database/rows.js';

/** The uid of a plan, as the API server makes them. */
export const uidSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);

/** Who asks: the identity that the access layer established. */
export interface Caller {
  name: string;
  groups: string[];
  roles: string[];
}

/** Everything that a decision needs besides its input; time is a parameter. */
export interface CallContext {
  actor: Caller;
  requestId: string | null;
  now: Date;
}

const migrationRow = z.object({
  plan_uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  author: z.string().nullable(),
  evaluation: z.string().nullable(),
});
export type MigrationRow = z.infer<typeof migrationRow>;

const COLUMNS = 'plan_uid, namespace, name, author, evaluation';

/**
 * Makes the migration of a plan known and locks it until the transaction ends: everything about one plan happens in
 * one order.
 * @throws Refusal when the uid belongs to another plan.
 */
export async function lockMigration(
  tx: EntityManager,
  { namespace, name, uid }: PlanRef,
  author: string | null = null,
): Promise<MigrationRow> {
  await tx.query(
    `insert into migration (plan_uid, namespace, name, author) values ($1, $2, $3, $4)
     on conflict (plan_uid) do update set author = excluded.author
       where migration.author is null and excluded.author is not null`,
    [uid, namespace, name, author],
  );
  const row = await rowOf(tx, migrationRow, `select ${COLUMNS} from migration where plan_uid = $1 for update`, [uid]);
  if (!row) throw new Refusal('notFound', `no migration ${uid}`);
  if (row.namespace !== namespace || row.name !== name)
    throw new Refusal('conflict', `${uid} is the uid of ${row.namespace}/${row.name}, not of ${namespace}/${name}`);
  return row;
}

/** @throws Refusal when governance never heard of the plan. */
export async function lockKnownMigration(tx: EntityManager, uid: string): Promise<MigrationRow> {
  const row = await rowOf(tx, migrationRow, `select ${COLUMNS} from migration where plan_uid = $1 for update`, [uid]);
  if (!row) throw new Refusal('notFound', `no migration ${uid}`);
  return row;
}

/** @throws Refusal when governance never heard of the plan. */
export async function findMigration(db: Queryable, uid: string): Promise<MigrationRow> {
  const row = await rowOf(db, migrationRow, `select ${COLUMNS} from migration where plan_uid = $1`, [uid]);
  if (!row) throw new Refusal('notFound', `no migration ${uid}`);
  return row;
}

const evaluationRow = z.object({
  id: z.string(),
  request: evaluationRequestSchema,
  answer: evaluationSchema,
  evaluated_at: z.date(),
});
export interface StoredEvaluation {
  id: string;
  request: EvaluationRequest;
  answer: Evaluation;
  evaluatedAt: Date;
}

/** The newest evaluation of the plan, or null when it was never evaluated. */
export async function currentEvaluation(db: Queryable, migration: MigrationRow): Promise<StoredEvaluation | null> {
  if (migration.evaluation === null) return null;
  const row = await rowOf(db, evaluationRow, 'select id, request, answer, evaluated_at from evaluation where id = $1', [
    migration.evaluation,
  ]);
  if (!row) throw new Error(`evaluation ${migration.evaluation} is referenced and missing`);
  return { id: row.id, request: row.request, answer: row.answer, evaluatedAt: row.evaluated_at };
}

/** Stores what was asked and answered and makes it the plan's current evaluation. */
export async function saveEvaluation(
  tx: EntityManager,
  request: EvaluationRequest,
  answer: Evaluation,
  now: Date,
): Promise<void> {
  const { plan } = request;
  const row = await rowOf(
    tx,
    z.object({ id: z.string() }),
    `insert into evaluation (plan_uid, generation, content_hash, policy_revision, verdict, request, answer, entry_id, evaluated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
    [
      plan.uid,
      plan.generation,
      answer.contentHash,
      answer.policyRevision,
      answer.verdict,
      JSON.stringify(request),
      JSON.stringify(answer),
      answer.receipt.entryId,
      now,
    ],
  );
  await tx.query('update migration set evaluation = $2 where plan_uid = $1', [plan.uid, row?.id]);
}

/** The object that audit entries about a plan name. */
export const planObject = ({ namespace, name }: Pick<PlanIdentity, 'namespace' | 'name'>) => ({
  kind: 'SCCMigrationPlan',
  namespace,
  name,
});
