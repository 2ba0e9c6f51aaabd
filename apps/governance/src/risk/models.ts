import { hashOf } from '@scc/audit';
import { fixedModel, type RiskModel } from '@scc/risk';
import type { EntityManager } from 'typeorm';
import type { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { type CallContext, SYSTEM } from '../call/caller.js';
import { type Database, newRow } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import { RiskModelEntity, RiskPromotionEntity } from './model.entity.js';

export interface StoredModel {
  id: number;
  parent: number | null;
  kind: RiskModel['kind'];
  model: RiskModel;
  /** The last outcome that it learned from. */
  trainedTo: number | null;
  createdAt: Date;
}

const toModel = ({ id, parentId: parent, kind, model, trainedTo, createdAt }: RiskModelEntity): StoredModel => ({
  ...{ id, parent, kind, model, trainedTo, createdAt },
});

/** Models never change: each is read once. Few are in use at a time. */
const known = new Map<number, StoredModel>();
const MAX_KNOWN = 50;

function remember(model: StoredModel): StoredModel {
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(model.id, model);
  return model;
}

/** @throws Refusal `notFound` */
export async function findModel(db: Database, id: number): Promise<StoredModel> {
  const found = await db.getRepository(RiskModelEntity).findOneBy({ id });
  if (!found) throw new Refusal('notFound', `no risk model ${id}`);
  return toModel(found);
}

/** The newest models, at most so many. */
export async function newestModels(db: Database, limit: number): Promise<StoredModel[]> {
  return (await db.getRepository(RiskModelEntity).find({ order: { id: 'DESC' }, take: limit })).map(toModel);
}

export interface Promotion {
  id: number;
  model: number;
  previous: number | null;
  reason: string;
  promotedBy: string;
  promotedAt: Date;
}

/** The champions and their times, the newest first. */
export async function promotions(db: Database, limit = 1000): Promise<Promotion[]> {
  const rows = await db.getRepository(RiskPromotionEntity).find({ order: { id: 'DESC' }, take: limit });
  return rows.map(({ id, modelId: model, previousId: previous, reason, promotedBy, promotedAt }) => ({
    ...{ id, model, previous, reason, promotedBy, promotedAt },
  }));
}

const newestPromotion = async (db: Database): Promise<Promotion | undefined> => (await promotions(db, 1))[0];

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
export async function findModelsInForce(db: Database): Promise<ModelsInForce | null> {
  const promotion = await newestPromotion(db);
  if (!promotion) return null;
  const challenger = await db
    .getRepository(RiskModelEntity)
    .findOne({ select: { id: true }, where: { promotionId: promotion.id }, order: { id: 'DESC' } });
  const find = async (id: number): Promise<StoredModel> => known.get(id) ?? remember(await findModel(db, id));
  return {
    promotion,
    champion: await find(promotion.model),
    challenger: challenger ? await find(challenger.id) : null,
  };
}

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
  const models = tx.getRepository(RiskModelEntity);
  if (await models.existsBy({ contentHash: hashOf(learned.model) })) return null;
  const id = ((await models.maximum('id')) ?? 0) + 1;
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
    details: {
      kind: model.kind,
      parent,
      promotion,
      trainedTo,
      contentHash,
      ...{ featureSchema: model.featureSchema, at: now.toISOString() },
      evidence: model.evidence,
      weights: model.weights,
    },
  });
  const { featureSchema, kind } = model;
  await tx.getRepository(RiskModelEntity).insert({
    ...{ id, parentId: parent, promotionId: promotion, featureSchema, kind, model, trainedTo },
    ...{ contentHash, entryId, createdAt: now },
  });
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
    details: { previous, reason, evidence, at: now.toISOString() },
  });
  const promotion = { modelId: model, previousId: previous, reason, evidence };
  await tx
    .getRepository(RiskPromotionEntity)
    .insert(newRow<RiskPromotionEntity>({ ...promotion, promotedBy: actor.name, entryId, promotedAt: now }));
}

/** One change of the models at a time. */
export const lockModels = (tx: EntityManager): Promise<unknown> => tx.query(LOCK);
