import { PHASES, type Phase, WAIT_REASONS, type WaitReason } from '@scc/plan';
import { z } from 'zod';
import { EVERYWHERE } from '../call/scope.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { countBySCC } from '../pods/queries.js';

/** Series are bounded: of more SCCs, or more running migrations, than these, the rest is counted together or left out. */
const MAX_SCCS = 50;
const MAX_WEIGHTS = 100;
/** Of the names of SCCs; one that is called so shares the number. */
const OTHER = 'other';

/** The state of the fleet of migrations now. Ages and silences are seconds. */
export interface FleetFigures {
  phases: Record<Phase, number>;
  outcomes: Record<string, number>;
  undos: Record<string, number>;
  gateChecks: Record<string, number>;
  waiting: Record<WaitReason, number>;
  /** The longest time without an event of a migration that is under way and waits for nothing. */
  silenceSeconds: number;
  approvals: { waiting: number; oldestSeconds: number };
  pods: Record<string, number>;
  /** Weights of the canaries of running migrations, the latest ones. */
  weights: { namespace: string; name: string; weight: number }[];
}

const counted = z.object({ key: z.string(), count: z.int() });
const countOf = async (db: Queryable, sql: string): Promise<Record<string, number>> =>
  Object.fromEntries((await rowsOf(db, counted, sql)).map(({ key, count }) => [key, count]));

const statesRow = z.object({
  phase: z.string(),
  outcome: z.string().nullable(),
  undoCause: z.string().nullable(),
  count: z.int(),
});
/** Migrations by all that they are counted by, in one look at the table. */
const STATES = `
  select phase, outcome, undo_cause as "undoCause", count(*)::int as count from view_migration group by 1, 2, 3`;

type Summand = z.infer<typeof statesRow>;
const summed = (rows: readonly Summand[], member: 'phase' | 'outcome' | 'undoCause'): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const { [member]: key, count } of rows) if (key !== null) sums[key] = (sums[key] ?? 0) + count;
  return sums;
};

const withZeros = <Key extends string>(
  keys: readonly Key[],
  counts: Readonly<Record<string, number>>,
): Record<Key, number> => Object.fromEntries(keys.map((key) => [key, counts[key] ?? 0])) as Record<Key, number>;

/** Reasons of the waits that have begun and not ended, by the last event of each that tells of a wait. */
const WAITING = `
  select last.event->>'reason' as key, count(*)::int as count from view_migration v
  cross join lateral (
    select e.type, e.event from migration_event e
    where e.plan_uid = v.plan_uid and e.type in ('WaitStarted', 'WaitEnded') order by e.at desc, e.sequence desc limit 1
  ) last
  where v.finished_at is null and v.waiting_for is not null and last.type = 'WaitStarted' group by 1`;

const SILENCE = `
  select coalesce(extract(epoch from now() - min(updated_at)), 0)::float8 as seconds from view_migration
  where finished_at is null and waiting_for is null and outcome is null`;

const APPROVALS = `
  select count(*)::int as waiting, coalesce(extract(epoch from now() - min(requested_at)), 0)::float8 as "oldestSeconds"
  from approval_request where status = 'pending'`;

const WEIGHTS = `
  select namespace, name, weight from view_migration where finished_at is null and outcome is null and weight > 0
  order by started_at desc limit $1`;

const silenceRow = z.object({ seconds: z.number() });
const approvalsRow = z.object({ waiting: z.int(), oldestSeconds: z.number() });
const weightRow = z.object({ namespace: z.string(), name: z.string(), weight: z.int() });

/** Reads the figures from the database; some ten milliseconds with 10,000 migrations. */
export async function readFleet(db: Queryable): Promise<FleetFigures> {
  const states = await rowsOf(db, statesRow, STATES);
  const gateChecks = await countOf(db, 'select verdict as key, count(*)::int as count from view_gate group by 1');
  const waiting = await countOf(db, WAITING);
  const silence = await rowOf(db, silenceRow, SILENCE);
  const approvals = await rowOf(db, approvalsRow, APPROVALS);
  const bySCC = await countBySCC(db, EVERYWHERE);
  const weights = await rowsOf(db, weightRow, WEIGHTS, [MAX_WEIGHTS]);
  return {
    phases: withZeros(PHASES, summed(states, 'phase')),
    outcomes: summed(states, 'outcome'),
    undos: summed(states, 'undoCause'),
    gateChecks,
    waiting: withZeros(WAIT_REASONS, waiting),
    silenceSeconds: silence?.seconds ?? 0,
    approvals: approvals ?? { waiting: 0, oldestSeconds: 0 },
    pods: boundedTo(
      MAX_SCCS,
      bySCC.map(({ scc, pods }) => ({ key: scc ?? 'none', count: pods })),
    ),
    weights,
  };
}

/** The first ones by name, and the sum of the rest as `other`. */
export function boundedTo(most: number, counts: readonly z.infer<typeof counted>[]): Record<string, number> {
  const named = Object.fromEntries(counts.slice(0, most).map(({ key, count }) => [key, count]));
  const rest = counts.slice(most).reduce((sum, { count }) => sum + count, 0);
  return rest === 0 ? named : { ...named, [OTHER]: (named[OTHER] ?? 0) + rest };
}
