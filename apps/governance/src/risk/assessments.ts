import { hash, randomUUID } from 'node:crypto';
import { hashOf } from '@scc/audit';
import type { Evaluation, EvaluationRequest } from '@scc/governance-api';
import { type RiskAssessment, assess, FACTORS, type Signals } from '@scc/risk';
import type { EntityManager } from 'typeorm';
import { Refusal } from '../refusal/refusal.js';
import type { Database } from '../database/rows.js';
import { RiskAssessmentEntity, RiskOutcomeEntity } from './assessment.entity.js';
import { gatherSignals } from './facts.js';
import { findModel, modelsInForce, type ModelsInForce } from './models.js';

/**
 * Assesses a plan in the transaction of its evaluation, and keeps what is needed to do so again. The challenger is asked
 * too, before anybody knows the outcome; its answer decides nothing.
 * @returns also the SHA-256 of the signals as they are stored, and the hash of what came out of them
 */
export async function assessRisk(
  tx: EntityManager,
  request: EvaluationRequest,
  now: Date,
): Promise<{ risk: Evaluation['risk']; signals: string; answerHash: string }> {
  const models = await modelsInForce(tx, now);
  const signals = await gatherSignals(tx, request, now);
  const assessment = assess(models.champion.model, signals);
  const id = randomUUID();
  const answer = answerOf(models, signals, assessment);
  await store(tx, { id, request, models, signals, assessment, answer, now });
  const { band, raisedBy, changeRisk, exposure, factors, cheapestChange } = assessment;
  const risk = {
    assessmentId: id,
    modelVersion: String(models.champion.id),
    ...{ band, raisedBy, changeRisk, exposure, cheapestChange },
    interval: [...assessment.interval] as [number, number],
    factors: factors.map((factor) => ({ ...factor })),
  };
  return { risk, signals: hash('sha256', JSON.stringify(signals)), answerHash: hashOf(answer) };
}

/** The risk of a plan that was assessed before, as it is now; it is not an assessment of its own. */
export async function riskNow(
  tx: EntityManager,
  request: EvaluationRequest,
  { before, now }: { before: Evaluation['risk']; now: Date },
): Promise<Evaluation['risk']> {
  const { champion } = await modelsInForce(tx, now);
  const { band, raisedBy, changeRisk, interval, exposure } = assess(
    champion.model,
    await gatherSignals(tx, request, now),
  );
  return { ...before, band, raisedBy, changeRisk, exposure, interval: [...interval] };
}

interface NewAssessment {
  id: string;
  request: EvaluationRequest;
  models: ModelsInForce;
  signals: Signals;
  assessment: RiskAssessment;
  answer: StoredAnswer;
  now: Date;
}

/** What of an answer is compared with its entry by one hash. */
type StoredAnswer = ReturnType<typeof answerOf>;

function answerOf({ challenger, promotion }: ModelsInForce, signals: Signals, assessment: RiskAssessment) {
  const { x, spread, unknown, mu, interval, exposure, raisedBy, factors, cheapestChange } = assessment;
  return {
    ...{ promotion: promotion.id, x, spread, unknown, mu, low: interval[0], high: interval[1], exposure, raisedBy },
    contributions: factors.map(({ contribution }) => contribution),
    words: factors.map(({ words }) => words),
    cheapestChange,
    challenger: challenger?.id ?? null,
    challengerRisk: challenger && assess(challenger.model, signals).changeRisk,
  };
}

async function store(
  tx: EntityManager,
  { id, request, models, signals, assessment, answer, now }: NewAssessment,
): Promise<void> {
  const { plan, facts } = request;
  const { promotion, challenger, ...stored } = answer;
  const { changeRisk, band } = assessment;
  await tx.getRepository(RiskAssessmentEntity).insert({
    ...{ id, planUid: plan.uid, namespace: plan.namespace, sourceScc: facts.sourceSCC, targetScc: facts.targetSCC },
    ...{ workloadKind: facts.workload.kind, workloadName: facts.workload.name },
    ...{ modelId: models.champion.id, promotionId: promotion, challengerId: challenger, signals, changeRisk, band },
    ...{ ...stored, assessedAt: now },
  });
}

/** The stored values and those that come out now, where they differ. */
function differences(stored: RiskAssessmentEntity, again: RiskAssessment): string[] {
  const pairs: [string, readonly unknown[], readonly unknown[]][] = [
    ['x', stored.x, again.x],
    ['spread', stored.spread, again.spread],
    ['unknown', stored.unknown, again.unknown],
    ['mu', [stored.mu], [again.mu]],
    ['changeRisk', [stored.changeRisk], [again.changeRisk]],
    ['interval', [stored.low, stored.high], again.interval],
    ['exposure', [stored.exposure], [again.exposure]],
    ['band', [stored.band, stored.raisedBy], [again.band, again.raisedBy]],
    ['contributions', stored.contributions, again.factors.map(({ contribution }) => contribution)],
    ['words', stored.words, again.factors.map(({ words }) => words)],
    ['cheapestChange', [stored.cheapestChange], [again.cheapestChange]],
  ];
  const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean =>
    a.length === b.length && a.every((value, index) => value === b[index]);
  return pairs.flatMap(([name, a, b]) => (isSame(a, b) ? [] : [name]));
}

/** One assessment as it was made, and whether it comes out the same, bit for bit, when it is made again. */
export async function findAssessment(db: Database, id: string) {
  const row = await db.getRepository(RiskAssessmentEntity).findOneBy({ id });
  if (!row) throw new Refusal('notFound', `no assessment ${id}`);
  const outcome = await db.getRepository(RiskOutcomeEntity).findOneBy({ assessmentId: id });
  const { model } = await findModel(db, row.modelId);
  const again = assess(model, row.signals);
  const found = differences(row, again);
  return {
    id: row.id,
    planUid: row.planUid,
    workload: { namespace: row.namespace, kind: row.workloadKind, name: row.workloadName },
    sourceSCC: row.sourceScc,
    targetSCC: row.targetScc,
    assessedAt: row.assessedAt.toISOString(),
    model: row.modelId,
    band: row.band,
    raisedBy: row.raisedBy,
    changeRisk: row.changeRisk,
    interval: [row.low, row.high] as [number, number],
    exposure: row.exposure,
    logOdds: row.mu,
    usualLogOdds: again.base,
    unknown: row.unknown,
    factors: FACTORS.map((factor, index) => ({
      factor,
      x: row.x[index] ?? NaN,
      reference: model.reference[index] ?? NaN,
      contribution: row.contributions[index] ?? NaN,
      words: row.words[index] ?? '',
    })),
    cheapestChange: row.cheapestChange,
    signals: row.signals,
    challenger: row.challengerId === null ? null : { model: row.challengerId, changeRisk: row.challengerRisk },
    outcome: outcome && { label: outcome.label, reason: outcome.reason },
    replay: { identical: found.length === 0, differences: found },
  };
}
export type AssessmentAnswer = Awaited<ReturnType<typeof findAssessment>>;
