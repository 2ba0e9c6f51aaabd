import type { Database } from '../database/rows.js';
import { ActivityBeginEntity } from './activity.entity.js';
import type { Begun } from './order.js';

/** Steps that were begun of a migration, in order. */
export async function begunOf(db: Database, planUid: string): Promise<Begun[]> {
  const rows = await db.getRepository(ActivityBeginEntity).find({ where: { planUid }, order: { sequence: 'ASC' } });
  return rows.map(({ activity, way, weight, doneAt }) => ({ activity, way, weight, done: doneAt !== null }));
}
