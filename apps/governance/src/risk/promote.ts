import { duel, type DuelResult, promotionObstacles } from '@scc/risk';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { CallContext } from '../call/caller.js';
import { type Database, type Queryable, rowsOf } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import {
  findModel,
  findModelsInForce,
  insertPromotion,
  lockModels,
  type ModelsInForce,
  newestModels,
  promotions,
} from './models.js';

export const promotionInputSchema = z.object({
  reason: z.string().min(10).max(1000),
  champion: z.int().min(0).describe('The champion that the caller saw.'),
});
export type PromotionInput = z.infer<typeof promotionInputSchema>;

const duelRow = z.object({
  champion: z.number(),
  challenger: z.number(),
  failed: z.boolean(),
  principal: z.string(),
});

/** The predictions of both since the champion was made, in the order in which the outcomes became known. */
async function duelSince(db: Queryable, promotion: number): Promise<DuelResult> {
  const rounds = await rowsOf(
    db,
    duelRow,
    `select a.change_risk as champion, a.challenger_risk as challenger, o.label = 'failed' as failed, o.principal
     from risk_outcome o join risk_assessment a on a.id = o.assessment
     where a.promotion = $1 and a.challenger is not null and o.label <> 'excluded' order by o.id limit 10000`,
    [promotion],
  );
  return duel(rounds);
}

export interface Contest extends DuelResult {
  obstacles: string[];
}

const contestOf = async (db: Database, { promotion }: ModelsInForce): Promise<Contest> => {
  const result = await duelSince(db, promotion.id);
  return { ...result, obstacles: promotionObstacles(result) };
};

/**
 * Makes a model the champion because a person says so: the challenger once its evidence suffices, or a former champion
 * at any time.
 * @throws Refusal `forbidden` for a service account, `stale` when the champion is another one by now, `conflict` while
 * something stands against it.
 */
export async function promote(
  tx: EntityManager,
  id: number,
  { reason, champion: seen }: PromotionInput,
  call: CallContext,
): Promise<ModelsAnswer> {
  if (call.actor.name.startsWith('system:serviceaccount:'))
    throw new Refusal('forbidden', 'a person confirms a promotion, and a service account is none');
  await lockModels(tx);
  await findModel(tx, id);
  const inForce = await findModelsInForce(tx);
  if (!inForce) throw new Refusal('conflict', 'nothing was assessed yet');
  const { champion, challenger } = inForce;
  if (champion.id !== seen) throw new Refusal('stale', `the champion is ${champion.id}, you saw ${seen}`);
  if (champion.id === id) throw new Refusal('conflict', `model ${id} is the champion already`);
  const wasChampion = (await promotions(tx)).some(({ model }) => model === id);
  const contest = await contestOf(tx, inForce);
  const obstacles = wasChampion ? [] : challenger?.id === id ? contest.obstacles : ['it is not the newest challenger'];
  if (obstacles.length > 0)
    throw new Refusal(
      'conflict',
      `model ${id} cannot be promoted: ${obstacles.join('; ')}`,
      obstacles.map((message) => ({ field: 'id', message })),
    );
  await insertPromotion(tx, { model: id, previous: champion.id, reason, evidence: { ...contest } }, call);
  return modelsAnswer(tx);
}

/** The models in force, how they compare, the newest models, and who was champion when. */
export async function modelsAnswer(db: Database) {
  const inForce = await findModelsInForce(db);
  return {
    champion: inForce?.champion.id ?? null,
    challenger: inForce?.challenger?.id ?? null,
    contest: inForce?.challenger ? await contestOf(db, inForce) : null,
    items: (await newestModels(db, 100)).map(({ id, parent, kind, model, trainedTo, createdAt }) => ({
      ...{ id, parent, kind, trainedTo },
      createdAt: createdAt.toISOString(),
      weights: model.weights,
      deviations: model.covariance.map((row, index) => Math.sqrt(row[index] ?? NaN)),
      blastScale: model.blastScale,
      reference: model.reference,
      evidence: model.evidence,
    })),
    promotions: (await promotions(db)).map(({ promotedAt, ...promotion }) => ({
      ...promotion,
      promotedAt: promotedAt.toISOString(),
    })),
  };
}
export type ModelsAnswer = Awaited<ReturnType<typeof modelsAnswer>>;
