import type { MakeInformer } from '@scc/kube';
import { PLAN_GROUP, PLAN_KIND, PLAN_VERSION } from '@scc/plan';
import type { Logger } from 'pino';
import { type DataSource, In, LessThan } from 'typeorm';
import { z } from 'zod';
import { follow } from '../cluster/follow.js';
import { inTransaction } from '../database/transaction.js';
import { findMigration } from '../plans/store.js';
import { ApprovalRequestEntity } from './approval.entity.js';
import { closeRequests } from './endings.js';

const KIND = { apiVersion: `${PLAN_GROUP}/${PLAN_VERSION}`, kind: PLAN_KIND };
const RECONCILE_MS = 60_000;
/** A plan may be evaluated before the watch has told of it. */
const GRACE_MS = 60_000;
const identified = z.object({ metadata: z.object({ uid: z.string() }) });
const uidOf = (object: unknown): string | undefined => identified.safeParse(object).data?.metadata.uid;

/** Closes the requests of plans that are deleted, so that people are not asked about what will not happen. */
export function followPlans({
  source,
  makeInformer,
  logger,
}: {
  source: DataSource;
  makeInformer: MakeInformer;
  logger: Logger;
}): { stop: () => Promise<void> } {
  const close = (uid: string): Promise<void> =>
    inTransaction(source, async (tx) =>
      closeRequests(tx, await findMigration(tx, uid), { reason: 'the plan was deleted', now: new Date() }),
    );
  const openOf = (filter: object) =>
    source.getRepository(ApprovalRequestEntity).find({
      select: { planUid: true },
      where: { status: In(['pending', 'granted']), ...filter },
    });
  return follow({
    ...{ kind: KIND, makeInformer, logger, everyMs: RECONCILE_MS },
    enter: async (_key, { current, previous }) => {
      const gone = uidOf(previous);
      if (gone === undefined || gone === uidOf(current)) return;
      for (const { planUid } of await openOf({ planUid: gone })) await close(planUid);
    },
    reconcile: async (present) => {
      const uids = new Set(present.map(uidOf));
      const before = new Date(Date.now() - GRACE_MS);
      for (const { planUid } of await openOf({ requestedAt: LessThan(before) }))
        if (!uids.has(planUid)) await close(planUid);
    },
  });
}
