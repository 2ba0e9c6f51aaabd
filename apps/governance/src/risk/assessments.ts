import { randomUUID } from 'node:crypto';
import type { Evaluation, EvaluationRequest } from '@scc/governance-api';
import { type Assessment, assess, FACTORS, type Signals, signalsSchema } from '@scc/risk';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Refusal } from '../database/refusal.js';
import { type Queryable, rowOf } from '../database/rows.js';
import { gatherSignals } from './facts.js';
import { findModel, modelsInForce, type ModelsInForce } from './models.js';

/**
 * Assesses a plan in the transaction of its evaluation, and keeps what is needed to do so again. The challenger is asked
 * too, before anybody knows the outcome; its answer decides nothing.
 */
export async function assessRisk(
  tx: EntityManager,
  request: EvaluationRequest,
  now: Date,
): Promise<Evaluation['risk']> {
  const models = await modelsInForce(tx, now);
  const signals = await gatherSignals(tx, request, now);
  const assessment = assess(models.champion.model, signals);
  const id = randomUUID();
  await store(tx, { id, request, models, signals, assessment, now });
  const { band, raisedBy, changeRisk, exposure, factors, cheapestChange } = assessment;
  return {
    assessmentId: id,
    modelVersion: String(models.champion.id),
    ...{ band, raisedBy, changeRisk, exposure, cheapestChange },
    interval: [...assessment.interval],
    factors: factors.map((factor) => ({ ...factor })),
  };
}

interface NewAssessment {
  id: string;
  request: EvaluationRequest;
  models: ModelsInForce;
  signals: Signals;
  assessment: Assessment;
  now: Date;
}

async function store(
  tx: EntityManager,
  { id, request, models, signals, assessment, now }: NewAssessment,
): Promise<void> {
  const { plan, facts } = request;
  const { champion, challenger, promotion } = models;
  const { x, spread, unknown, mu, changeRisk, interval, exposure, band, raisedBy, factors, cheapestChange } =
    assessment;
  await tx.query(
    `insert into risk_assessment (id, plan_uid, namespace, workload_kind, workload_name, source_scc, target_scc, model,
       promotion, signals, x, spread, unknown, mu, change_risk, low, high, exposure, band, raised_by, contributions, words,
       cheapest_change, challenger, challenger_risk, assessed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
       $25, $26)`,
    [
      ...[id, plan.uid, plan.namespace, facts.workload.kind, facts.workload.name, facts.sourceSCC, facts.targetSCC],
      ...[champion.id, promotion.id, JSON.stringify(signals), x, spread, unknown, mu, changeRisk, ...interval],
      ...[exposure, band, raisedBy, factors.map(({ contribution }) => contribution), factors.map(({ words }) => words)],
      ...[cheapestChange, challenger?.id, challenger && assess(challenger.model, signals).changeRisk, now],
    ],
  );
}

const numbers = z.array(z.number());
const assessmentRow = z.object({
  id: z.string(),
  plan_uid: z.string(),
  namespace: z.string(),
  workload_kind: z.string(),
  workload_name: z.string(),
  source_scc: z.string().nullable(),
  target_scc: z.string(),
  model: z.coerce.number().int(),
  signals: signalsSchema,
  x: numbers,
  spread: numbers,
  unknown: z.array(z.string()),
  mu: z.number(),
  change_risk: z.number(),
  low: z.number(),
  high: z.number(),
  exposure: z.number(),
  band: z.enum(['low', 'medium', 'high', 'critical']),
  raised_by: z.enum(['changeRisk', 'exposure', 'both']),
  contributions: numbers,
  words: z.array(z.string()),
  cheapest_change: z.string().nullable(),
  challenger: z.coerce.number().int().nullable(),
  challenger_risk: z.number().nullable(),
  assessed_at: z.date(),
  label: z.enum(['failed', 'succeeded', 'excluded']).nullable(),
  reason: z.string().nullable(),
});
type AssessmentRow = z.infer<typeof assessmentRow>;

/** What was stored and what comes out now, where they differ. */
function differences(stored: AssessmentRow, again: Assessment): string[] {
  const pairs: [string, readonly unknown[], readonly unknown[]][] = [
    ['x', stored.x, again.x],
    ['spread', stored.spread, again.spread],
    ['unknown', stored.unknown, again.unknown],
    ['mu', [stored.mu], [again.mu]],
    ['changeRisk', [stored.change_risk], [again.changeRisk]],
    ['interval', [stored.low, stored.high], again.interval],
    ['exposure', [stored.exposure], [again.exposure]],
    ['band', [stored.band, stored.raised_by], [again.band, again.raisedBy]],
    ['contributions', stored.contributions, again.factors.map(({ contribution }) => contribution)],
    ['words', stored.words, again.factors.map(({ words }) => words)],
    ['cheapestChange', [stored.cheapest_change], [again.cheapestChange]],
  ];
  const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean =>
    a.length === b.length && a.every((value, index) => value === b[index]);
  return pairs.flatMap(([name, a, b]) => (isSame(a, b) ? [] : [name]));
}

/** One assessment as it was made, and whether it comes out the same, bit for bit, when it is made again. */
export async function findAssessment(db: Queryable, id: string) {
  const row = await rowOf(
    db,
    assessmentRow,
    `select a.*, o.label, o.reason from risk_assessment a left join risk_outcome o on o.assessment = a.id where a.id = $1`,
    [id],
  );
  if (!row) throw new Refusal('notFound', `no assessment ${id}`);
  const { model } = await findModel(db, row.model);
  const found = differences(row, assess(model, row.signals));
  return {
    id: row.id,
    planUid: row.plan_uid,
    workload: { namespace: row.namespace, kind: row.workload_kind, name: row.workload_name },
    sourceSCC: row.source_scc,
    targetSCC: row.target_scc,
    assessedAt: row.assessed_at.toISOString(),
    model: row.model,
    band: row.band,
    raisedBy: row.raised_by,
    changeRisk: row.change_risk,
    interval: [row.low, row.high] as [number, number],
    exposure: row.exposure,
    logOdds: row.mu,
    unknown: row.unknown,
    factors: FACTORS.map((factor, index) => ({
      factor,
      x: row.x[index] ?? NaN,
      reference: model.reference[index] ?? NaN,
      contribution: row.contributions[index] ?? NaN,
      words: row.words[index] ?? '',
    })),
    cheapestChange: row.cheapest_change,
    signals: row.signals,
    challenger: row.challenger === null ? null : { model: row.challenger, changeRisk: row.challenger_risk },
    outcome: row.label === null ? null : { label: row.label, reason: row.reason ?? '' },
    replay: { identical: found.length === 0, differences: found },
  };
}
export type AssessmentAnswer = Awaited<ReturnType<typeof findAssessment>>;
