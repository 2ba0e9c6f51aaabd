import type { Evaluation, EvaluationRequest, PlanIdentity } from '@scc/governance-api';
import { PLAN_KIND, type PlanRef } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { type Database, newRow } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import { EvaluationEntity, MigrationEntity } from './migration.entity.js';

/** The uid of a plan, as the API server makes them. */
export const uidSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);

export type MigrationRow = Pick<
  MigrationEntity,
  'planUid' | 'namespace' | 'name' | 'author' | 'evaluationId' | 'createdAt'
>;

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
  const row = await lockKnownMigration(tx, uid);
  if (row.namespace !== namespace || row.name !== name)
    throw new Refusal('conflict', `${uid} is the uid of ${row.namespace}/${row.name}, not of ${namespace}/${name}`);
  return row;
}

/** @throws Refusal when governance never heard of the plan. */
export async function lockKnownMigration(tx: EntityManager, uid: string): Promise<MigrationRow> {
  const row = await tx
    .getRepository(MigrationEntity)
    .findOne({ where: { planUid: uid }, lock: { mode: 'pessimistic_write' } });
  if (!row) throw new Refusal('notFound', `no migration ${uid}`);
  return row;
}

/** @throws Refusal when governance never heard of the plan. */
export async function findMigration(db: Database, uid: string): Promise<MigrationRow> {
  const row = await db.getRepository(MigrationEntity).findOneBy({ planUid: uid });
  if (!row) throw new Refusal('notFound', `no migration ${uid}`);
  return row;
}

export type StoredEvaluation = Pick<EvaluationEntity, 'id' | 'request' | 'answer' | 'evaluatedAt'>;

/** The newest evaluation of the plan, or null when it was never evaluated. */
export async function currentEvaluation(
  db: Database,
  { evaluationId: id }: MigrationRow,
): Promise<StoredEvaluation | null> {
  if (id === null) return null;
  const evaluation = await db.getRepository(EvaluationEntity).findOneBy({ id });
  if (!evaluation) throw new Error(`evaluation ${id} is referenced and missing`);
  return evaluation;
}

/** Stores what was asked and answered and makes it the plan's current evaluation. */
export async function saveEvaluation(
  tx: EntityManager,
  request: EvaluationRequest,
  answer: Evaluation,
  now: Date,
): Promise<void> {
  const { plan } = request;
  const { contentHash, policyRevision, verdict, receipt } = answer;
  const evaluation = Object.assign(new EvaluationEntity(), {
    ...{ planUid: plan.uid, generation: plan.generation, contentHash, policyRevision, verdict, request, answer },
    ...{ entryId: receipt.entryId, evaluatedAt: now },
  });
  await tx.getRepository(EvaluationEntity).insert(newRow<EvaluationEntity>(evaluation));
  await tx.getRepository(MigrationEntity).update({ planUid: plan.uid }, { evaluationId: evaluation.id });
}

/** A workload by its address. */
export interface WorkloadKey {
  namespace: string;
  kind: string;
  name: string;
}

/** The object that audit entries about a plan name. */
export const planObject = ({ namespace, name }: Pick<PlanIdentity, 'namespace' | 'name'>) => ({
  kind: PLAN_KIND,
  namespace,
  name,
});
