import { isTerminal, type Phase, phaseSchema } from '@scc/plan';
import { z } from 'zod';
import { type Queryable, rowsOf } from '../database/rows.js';

/** How long a migration that is over stood in a phase. */
export interface PhaseStay {
  phase: Phase;
  seconds: number;
}

const endedRow = z.object({ uid: z.string() });
const momentRow = z.object({ uid: z.string(), phase: phaseSchema, at: z.date() });
type Moment = z.infer<typeof momentRow>;

/** At most so many migrations in one look; the rest comes with the next one. */
const MAX_ENDED = 200;

/** Migrations that ended since then and are not known yet, the earliest first. */
export const endedSince = async (db: Queryable, since: Date, known: readonly string[]): Promise<string[]> =>
  (
    await rowsOf(
      db,
      endedRow,
      `select plan_uid as uid from view_migration
       where outcome in ('completed', 'rolledBack') and finished_at >= $1 and plan_uid <> all($2)
       order by finished_at limit ${MAX_ENDED}`,
      [since, known],
    )
  ).map(({ uid }) => uid);

/** How long each of these migrations stood in its phases, those that it was in twice counted twice. */
export async function staysOf(db: Queryable, uids: readonly string[]): Promise<PhaseStay[]> {
  if (uids.length === 0) return [];
  const moments = await rowsOf(
    db,
    momentRow,
    `select plan_uid as uid, phase, at from migration_event where plan_uid = any($1) order by plan_uid, at, sequence`,
    [uids],
  );
  return uids.flatMap((uid) => staysIn(moments.filter((moment) => moment.uid === uid)));
}

/** Folds the events of one migration, in order of time. A final phase has no end. */
export function staysIn(moments: readonly Pick<Moment, 'phase' | 'at'>[]): PhaseStay[] {
  const stays: PhaseStay[] = [];
  let entered = moments[0];
  for (const moment of moments) {
    if (!entered || moment.phase === entered.phase) continue;
    if (!isTerminal(entered.phase))
      stays.push({ phase: entered.phase, seconds: (moment.at.getTime() - entered.at.getTime()) / 1000 });
    entered = moment;
  }
  return stays;
}
