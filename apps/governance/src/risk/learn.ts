import { setImmediate } from 'node:timers/promises';
import {
  factorsOf,
  fitInSteps,
  type PastOutcome,
  type Posterior,
  rawBlast,
  type RiskModel,
  type Signals,
  signalsSchema,
  weighOutcomes,
  withinShares,
} from '@scc/risk';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { modelsInForce, saveModel, type StoredModel } from './models.js';

/** Older outcomes than the newest of these teach next to nothing. */
const MAX_OUTCOMES = 10_000;
/** Read at once; parsing them takes about a millisecond. */
const PAGE = 200;
/** A model is fitted again when there are so many more outcomes than it knows. */
const WORTH_REFITTING = 0.02;
const DAY_MS = 24 * 60 * 60 * 1000;

const id = z.coerce.number().int();
const outcomeRow = z.object({
  id,
  failed: z.boolean(),
  principal: z.string(),
  finished_at: z.date(),
  signals: signalsSchema,
});
type OutcomeRow = z.infer<typeof outcomeRow>;

async function countAfter(db: Queryable, after: number): Promise<{ known: number; fresh: number; newest: number }> {
  const row = await rowOf(
    db,
    z.object({ known: z.int(), fresh: z.int(), newest: id }),
    `select count(*) filter (where id <= $1)::int as known, count(*) filter (where id > $1)::int as fresh,
       coalesce(max(id), 0) as newest
     from risk_outcome where label <> 'excluded'`,
    [after],
  );
  return row ?? { known: 0, fresh: 0, newest: 0 };
}

/** The newest outcomes up to an id; page by page, so that other work goes on between them. */
async function readOutcomes(db: Queryable, newest: number): Promise<OutcomeRow[]> {
  const outcomes: OutcomeRow[] = [];
  for (let before = newest + 1; outcomes.length < MAX_OUTCOMES;) {
    const page = await rowsOf(
      db,
      outcomeRow,
      `select o.id, o.label = 'failed' as failed, o.principal, o.finished_at, a.signals
       from risk_outcome o join risk_assessment a on a.id = o.assessment
       where o.label <> 'excluded' and o.id < $1 order by o.id desc limit $2`,
      [before, PAGE],
    );
    outcomes.push(...page);
    const last = page.at(-1);
    if (!last || page.length < PAGE) break;
    before = last.id;
    await setImmediate();
  }
  return outcomes;
}

/** Maps in slices of a page, and lets others run in between. */
async function mapBetween<From, To>(items: readonly From[], map: (item: From) => To): Promise<To[]> {
  const mapped: To[] = [];
  for (let start = 0; start < items.length; start += PAGE) {
    mapped.push(...items.slice(start, start + PAGE).map(map));
    await setImmediate();
  }
  return mapped;
}

/** So many plans show what is usual, and so many what is large. */
const USUAL_FROM = 20;
const LARGE_FROM = 100;

/** The middle of the values, and the one that a share of them does not exceed. */
const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN;

/**
 * The sizes that the learned model calls large and usual: frozen with it, from the plans that it learned from, of each
 * principal up to its share.
 */
async function scalesFrom(
  signals: readonly Signals[],
  parent: RiskModel,
): Promise<Pick<RiskModel, 'blastScale' | 'reference'>> {
  const blasts = signals.flatMap(({ blast }) => rawBlast(blast) ?? []);
  const large = blasts.length >= LARGE_FROM ? quantile(blasts, 0.99) : 0;
  const blastScale = large > 0 ? large : parent.blastScale;
  const factors = await mapBetween(signals, (one) => factorsOf(one, { blastScale }).map(({ x }) => x));
  const reference =
    factors.length >= USUAL_FROM
      ? parent.reference.map((_usual, index) =>
          quantile(
            factors.map((x) => x[index] ?? NaN),
            0.5,
          ),
        )
      : parent.reference;
  return { blastScale, reference };
}

/** Fits in slices: other work of the process comes first. */
async function fitBetween(prior: RiskModel['prior'], examples: Parameters<typeof fitInSteps>[1]): Promise<Posterior> {
  const run = fitInSteps(prior, examples);
  for (;;) {
    const { done, value } = run.next();
    if (done) return value;
    await setImmediate();
  }
}

/** A model from outcomes. Ages are taken from the newest of them: the same outcomes make the same model at any time. */
async function learn(parent: StoredModel, rows: readonly OutcomeRow[]): Promise<RiskModel> {
  const { prior, halfLifeDays } = parent.model;
  const newest = newestOf(rows);
  const usual = withinShares(rows.filter(({ finished_at: at }) => newest - at.getTime() <= 90 * DAY_MS));
  const scales = await scalesFrom(
    usual.map(({ signals }) => signals),
    parent.model,
  );
  const outcomes = await mapBetween(rows, ({ signals, failed, principal, finished_at: at }): PastOutcome => ({
    x: factorsOf(signals, scales).map(({ x }) => x),
    failed,
    principal,
    ageDays: (newest - at.getTime()) / DAY_MS,
  }));
  const examples = weighOutcomes(outcomes, halfLifeDays);
  const posterior = await fitBetween(prior, examples);
  const times = rows.map(({ finished_at: at }) => at.toISOString()).toSorted();
  return {
    ...parent.model,
    kind: 'learned',
    ...posterior,
    ...scales,
    evidence: {
      outcomes: rows.length,
      effective: examples
        .map(({ weight }) => weight)
        .toSorted((a, b) => a - b)
        .reduce((total, weight) => total + weight, 0),
      from: times[0] ?? null,
      to: times.at(-1) ?? null,
    },
  };
}

const newestOf = (rows: readonly OutcomeRow[]): number =>
  rows.reduce((newest, { finished_at: at }) => Math.max(newest, at.getTime()), 0);

/**
 * Fits a new challenger when there is enough to learn that the last one does not know. It decides nothing until a person
 * makes it the champion.
 * @returns the number of the new model, null when there was nothing to learn.
 */
export async function refit(source: DataSource, now: Date): Promise<number | null> {
  const { champion, challenger, promotion } = await inTransaction(source, (tx) => modelsInForce(tx, now));
  const { known, fresh, newest } = await countAfter(source, challenger?.trainedTo ?? champion.trainedTo ?? 0);
  if (fresh === 0 || fresh < WORTH_REFITTING * known) return null;
  const model = await learn(champion, await readOutcomes(source, newest));
  return inTransaction(source, (tx) =>
    saveModel(tx, { model, parent: champion.id, promotion: promotion.id, trainedTo: newest }, now),
  );
}
