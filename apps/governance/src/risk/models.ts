import { fixedModel, type RiskModel, riskModelSchema } from '@scc/risk';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { Refusal } from '../database/refusal.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { hashOf } from '../migrations/content-hash.js';
import type { CallContext } from '../migrations/store.js';

const number = z.coerce.number().int();

const modelRow = z
  .object({
    id: number,
    parent: number.nullable(),
    kind: z.enum(['fixed', 'learned']),
    model: riskModelSchema,
    trained_to: number.nullable(),
    created_at: z.date(),
  })
  .transform(({ trained_to: trainedTo, created_at: createdAt, ...row }) => ({ ...row, trainedTo, createdAt }));
export type StoredModel = z.infer<typeof modelRow>;
const COLUMNS = 'id, parent, kind, model, trained_to, created_at';

/** Models never change: each is read once. Few are in use at a time. */
const known = new Map<number, StoredModel>();
const MAX_KNOWN = 50;

function remember(model: StoredModel): StoredModel {
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(model.id, model);
  return model;
}

/** @throws Refusal `notFound` */
export async function findModel(db: Queryable, id: number): Promise<StoredModel> {
  const row = await rowOf(db, modelRow, `select ${COLUMNS} from risk_model where id = $1`, [id]);
  if (!row) throw new Refusal('notFound', `no risk model ${id}`);
  return row;
}

/** The newest models, at most so many. */
export const newestModels = (db: Queryable, limit: number): Promise<StoredModel[]> =>
  rowsOf(db, modelRow, `select ${COLUMNS} from risk_model order by id desc limit $1`, [limit]);

const promotionRow = z
  .object({
    id: number,
    model: number,
    previous: number.nullable(),
    reason: z.string(),
    promoted_by: z.string(),
    promoted_at: z.date(),
  })
  .transform(({ promoted_by: promotedBy, promoted_at: promotedAt, ...row }) => ({ ...row, promotedBy, promotedAt }));
export type Promotion = z.infer<typeof promotionRow>;
const PROMOTION_COLUMNS = 'id, model, previous, reason, promoted_by, promoted_at';

/** Who was made champion when, the newest first. */
export const promotions = (db: Queryable): Promise<Promotion[]> =>
  rowsOf(db, promotionRow, `select ${PROMOTION_COLUMNS} from risk_promotion order by id desc limit 1000`);

const newestPromotion = (db: Queryable): Promise<Promotion | undefined> =>
  rowOf(db, promotionRow, `select ${PROMOTION_COLUMNS} from risk_promotion order by id desc limit 1`);

export interface ModelsInForce {
  promotion: Promotion;
  champion: StoredModel;
  /** The newest model that learned since the champion was made; null while there is none. */
  challenger: StoredModel | null;
}

/** The models in force; the fixed weights are stored when the database has none. */
export async function modelsInForce(tx: EntityManager, now: Date): Promise<ModelsInForce> {
  return (await findModelsInForce(tx)) ?? (await install(tx, now));
}

/** The models in force; null before anything was assessed. */
export async function findModelsInForce(db: Queryable): Promise<ModelsInForce | null> {
  const promotion = await newestPromotion(db);
  if (!promotion) return null;
  const challenger = await rowOf(
    db,
    z.object({ id: number }),
    'select id from risk_model where promotion = $1 order by id desc limit 1',
    [promotion.id],
  );
  const find = async (id: number): Promise<StoredModel> => known.get(id) ?? remember(await findModel(db, id));
  return {
    promotion,
    champion: await find(promotion.model),
    challenger: challenger ? await find(challenger.id) : null,
  };
}

export const SYSTEM = { name: 'system:governance', groups: [], roles: [] };
const LOCK = 'select pg_advisory_xact_lock(50)';

async function install(tx: EntityManager, now: Date): Promise<ModelsInForce> {
  await tx.query(LOCK);
  if (!(await newestPromotion(tx))) {
    await insertModel(tx, { model: fixedModel(), id: 0, parent: null, promotion: null, trainedTo: null }, now);
    await insertPromotion(
      tx,
      { model: 0, previous: null, reason: 'the fixed weights are where every installation begins', evidence: {} },
      { actor: SYSTEM, requestId: null, now },
    );
  }
  const installed = await findModelsInForce(tx);
  if (!installed) throw new Error('the fixed weights were stored and are missing');
  return installed;
}

export interface NewModel {
  model: RiskModel;
  parent: number;
  promotion: number;
  trainedTo: number;
}

/** Stores a learned model under the next number; null when the very same one is there already. */
export async function saveModel(tx: EntityManager, learned: NewModel, now: Date): Promise<number | null> {
  await tx.query(LOCK);
  const same = await rowOf(tx, z.object({ id: number }), 'select id from risk_model where content_hash = $1', [
    hashOf(learned.model),
  ]);
  if (same) return null;
  const next = await rowOf(tx, z.object({ id: number }), 'select coalesce(max(id), 0) + 1 as id from risk_model');
  const id = next?.id ?? 1;
  await insertModel(tx, { ...learned, id }, now);
  return id;
}

interface InsertedModel {
  id: number;
  parent: number | null;
  promotion: number | null;
  model: RiskModel;
  trainedTo: number | null;
}

async function insertModel(
  tx: EntityManager,
  { id, parent, promotion, model, trainedTo }: InsertedModel,
  now: Date,
): Promise<void> {
  const contentHash = hashOf(model);
  const { entryId } = await appendAudit(tx, {
    actor: SYSTEM,
    action: 'risk.modelFitted',
    object: { kind: 'RiskModel', name: String(id) },
    requestId: null,
    details: { kind: model.kind, parent, trainedTo, contentHash, evidence: model.evidence, weights: model.weights },
  });
  await tx.query(
    `insert into risk_model (id, parent, promotion, feature_schema, kind, model, trained_to, content_hash, entry_id, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      id,
      parent,
      promotion,
      model.featureSchema,
      model.kind,
      JSON.stringify(model),
      trainedTo,
      contentHash,
      entryId,
      now,
    ],
  );
}

export interface NewPromotion {
  model: number;
  previous: number | null;
  reason: string;
  evidence: Record<string, z.core.util.JSONType>;
}

/** Makes a model the champion. The caller holds the lock and has checked that it may. */
export async function insertPromotion(
  tx: EntityManager,
  { model, previous, reason, evidence }: NewPromotion,
  { actor, requestId, now }: CallContext,
): Promise<void> {
  const { entryId } = await appendAudit(tx, {
    actor,
    action: 'risk.modelPromoted',
    object: { kind: 'RiskModel', name: String(model) },
    requestId,
    details: { previous, reason, evidence },
  });
  await tx.query(
    `insert into risk_promotion (model, previous, reason, evidence, promoted_by, entry_id, promoted_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [model, previous, reason, JSON.stringify(evidence), actor.name, entryId, now],
  );
}

/** One change of the models at a time. */
export const lockModels = (tx: EntityManager): Promise<unknown> => tx.query(LOCK);
