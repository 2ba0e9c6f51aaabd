import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { rowsOf } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { lockKnownMigration } from '../plans/store.js';
import { rebuildView } from './report.js';

/** Folds the read model of every migration again from its stored events; each in its own transaction. */
export async function rebuildReadModel(source: DataSource, { actor, requestId }: CallContext): Promise<number> {
  const plans = await rowsOf(
    source,
    z.object({ plan_uid: z.string() }),
    'select distinct plan_uid from migration_event',
  );
  for (const { plan_uid: uid } of plans)
    await inTransaction(source, async (tx) => {
      await rebuildView(tx, await lockKnownMigration(tx, uid));
    });
  await inTransaction(source, (tx) =>
    appendAudit(tx, {
      actor,
      action: 'readModel.rebuilt',
      object: { kind: 'ReadModel' },
      requestId,
      details: { migrations: plans.length },
    }),
  );
  return plans.length;
}
