import type { EvaluationRequest } from '@scc/governance-api';
import { parseSpec } from '@scc/plan';
import {
  capShares,
  criticalityOf,
  type History,
  HISTORY_HALF_LIFE_DAYS,
  privilegeSignal,
  type Signals,
  withinShares,
} from '@scc/risk';
import { podTemplateSchema } from '@scc/scc';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { rowOf, rowsOf } from '../database/rows.js';
import { isUnbound, knownSCCs } from '../registry/versions.js';
import { calendarFor, startIn } from '../schedule/calendar.js';
import { principalOf } from './principal.js';

/** Everything that an assessment is made from, as far as it is known when the engine asks. */
export async function gatherSignals(tx: EntityManager, request: EvaluationRequest, now: Date): Promise<Signals> {
  const { facts, spec } = request;
  const sccs = await knownSCCs(tx, facts);
  return {
    privilege: privilegeSignal({
      sourceName: facts.sourceSCC,
      unbound: isUnbound(facts),
      targetName: facts.targetSCC,
      ...sccs,
      evidence: facts.evidence,
      template: podTemplateSchema.safeParse(facts.podTemplate).data ?? null,
    }),
    blast: {
      pods: Math.max(facts.pods.length, facts.workload.replicas),
      requestsPerSecond: facts.requestsPerSecond,
      dependents: facts.dependents,
      largestStep: largestStep(spec.traffic.weights),
    },
    criticality: criticalityOf({
      workloadLabels: facts.workload.labels,
      namespaceLabels: facts.namespaceLabels,
      priorityClassName: facts.priorityClassName,
    }),
    history: await historyOf(tx, request, now),
    timing: {
      traffic: await trafficNow(tx, request, now),
      changesLastDay: await changesLastDay(tx, request, now),
      hoursToSpare: await hoursToSpare(tx, request, now),
    },
  };
}

/** The largest part of the traffic that one step moves; the weights are percents and rise. */
export const largestStep = (weights: readonly number[]): number =>
  Math.max(0, ...weights.map((weight, index) => weight - (weights[index - 1] ?? 0))) / 100;

type Level = keyof History;
const tallyRow = z.object({
  ...{ all_weight: z.number(), all_failures: z.number(), pair_weight: z.number(), pair_failures: z.number() },
  ...{ namespace_weight: z.number(), namespace_failures: z.number() },
  ...{ workload_weight: z.number(), workload_failures: z.number() },
});

/**
 * Faded tallies of what finished before now. The weight of one principal's outcomes in other namespaces is capped;
 * within a namespace everything counts.
 */
async function historyOf(tx: EntityManager, { plan, facts }: EvaluationRequest, now: Date): Promise<History> {
  const tally = (level: string, filter: string): string =>
    `coalesce(sum(weight) filter (where ${filter}), 0)::float8 as ${level}_weight,
     coalesce(sum(weight) filter (where ${filter} and label = 'failed'), 0)::float8 as ${level}_failures`;
  const inWorkload = 'namespace = $3 and workload_kind = $4 and workload_name = $5';
  const rows = await rowsOf(
    tx,
    tallyRow,
    `select ${tally('all', 'true')}, ${tally('pair', 'source_scc is not distinct from $6 and target_scc = $7')},
       ${tally('namespace', 'namespace = $3')}, ${tally('workload', inWorkload)}
     from (
       select *, power(2, -extract(epoch from $1::timestamptz - finished_at) / 86400 / $2::float8)::float8 as weight
       from risk_outcome
       where label <> 'excluded' and finished_at < $1 and finished_at > $1::timestamptz - make_interval(days => 8 * $2::int)
     ) as faded group by principal`,
    [
      ...[now, HISTORY_HALF_LIFE_DAYS, plan.namespace, facts.workload.kind, facts.workload.name],
      ...[facts.sourceSCC, facts.targetSCC],
    ],
  );
  const level = (name: Level) => {
    const isShared = name === 'all' || name === 'pair';
    const shares = isShared ? capShares(rows.map((row) => row[`${name}_weight`])) : rows.map(() => 1);
    const total = (of: 'weight' | 'failures'): number =>
      rows.reduce((sum, row, index) => sum + row[`${name}_${of}`] * (shares[index] ?? 0), 0);
    return { weight: total('weight'), failures: total('failures') };
  };
  return { all: level('all'), pair: level('pair'), namespace: level('namespace'), workload: level('workload') };
}

/** Fewer hours are no profile. */
const PROFILE_FROM = 10;

/**
 * The traffic that was seen now as a part of what is seen of the workload in busy hours of four weeks. However many
 * plans were assessed in an hour, it is one observation.
 */
async function trafficNow(tx: EntityManager, { plan, facts }: EvaluationRequest, now: Date): Promise<number | null> {
  if (facts.requestsPerSecond === null) return null;
  const row = await rowOf(
    tx,
    z.object({ seen: z.int(), busy: z.number().nullable() }),
    `select count(rate)::int as seen, percentile_cont(0.95) within group (order by rate) as busy from (
       select max((signals #>> '{blast,requestsPerSecond}')::float8) as rate from risk_assessment
       where namespace = $1 and workload_kind = $2 and workload_name = $3
         and assessed_at < $4 and assessed_at > $4::timestamptz - interval '28 days'
       group by date_trunc('hour', assessed_at)
     ) as seen`,
    [plan.namespace, facts.workload.kind, facts.workload.name, now],
  );
  if (!row || row.seen < PROFILE_FROM || row.busy === null || row.busy <= 0) return null;
  return Math.min(1, facts.requestsPerSecond / row.busy);
}

/**
 * Other migrations of the namespace that began within a day. Those of another principal than the author count up to
 * its share, so that no plans of one raise the risk of all.
 */
async function changesLastDay(tx: EntityManager, { plan }: EvaluationRequest, now: Date): Promise<number> {
  const changes = await rowsOf(
    tx,
    z.object({ author: z.string().nullable() }),
    `select m.author from view_migration v join migration m on m.plan_uid = v.plan_uid
     where v.namespace = $1 and v.plan_uid <> $2 and v.started_at <= $3 and v.started_at > $3::timestamptz - interval '1 day'
       and coalesce(v.outcome, '') not in ('rejected', 'dryRun')`,
    [plan.namespace, plan.uid, now],
  );
  const { namespace } = plan;
  const own = principalOf(plan);
  const counted = withinShares(changes.map(({ author }) => ({ principal: principalOf({ author, namespace }) })));
  const others = counted.filter(({ principal }) => principal !== own);
  return others.length + changes.filter(({ author }) => principalOf({ author, namespace }) === own).length;
}

/** Asked from the longest; more than the first is as good as the first. */
const SPARE_HOURS = [8, 4, 2, 1];

/** How much longer the migration could take, from when it may start, before a freeze begins or a window ends. */
async function hoursToSpare(tx: EntityManager, request: EvaluationRequest, now: Date): Promise<number | null> {
  if (!parseSpec(request.spec).ok) return null;
  const calendar = await calendarFor(tx, request);
  const start = startIn(calendar, request, now);
  if (start.never) return 0;
  for (const hours of SPARE_HOURS) {
    const longer = { ...request, expectedDurationSeconds: request.expectedDurationSeconds + hours * 3600 };
    const { at, never } = startIn(calendar, longer, now);
    if (!never && at?.getTime() === start.at?.getTime()) return hours;
  }
  return 0;
}
