import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { rowsOf } from '../database/rows.js';
import { rebuildView } from './report.js';
import { lockKnownMigration } from './store.js';

/** Folds the read model of every migration anew from its stored events; each in its own transaction. */
export async function rebuildReadModel(source: DataSource): Promise<number> {
  const plans = await rowsOf(
    source,
    z.object({ plan_uid: z.string() }),
    'select distinct plan_uid from migration_event',
  );
  for (const { plan_uid: uid } of plans)
    await source.transaction(async (tx) => {
      await rebuildView(tx, await lockKnownMigration(tx, uid));
    });
  return plans.length;
}
