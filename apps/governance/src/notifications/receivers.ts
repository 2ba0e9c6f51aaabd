import type { NotificationReceiver, ReceiverInput } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { type Database, type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import { requireVersion } from '../refusal/version.js';
import { NotificationReceiverEntity } from './receiver.entity.js';

/** Each receiver has series of its own among the metrics. */
const MAX_RECEIVERS = 100;

const countsRow = z.object({
  receiver: z.string(),
  waiting: z.int(),
  dead: z.int(),
  oldestSeconds: z.number(),
  deliveredAt: z.date().nullable(),
  lastError: z.string().nullable(),
});
export type DeliveryCounts = z.infer<typeof countsRow>;

/** Messages by receiver; a receiver without any is not there. */
export const deliveryCounts = (db: Queryable): Promise<DeliveryCounts[]> =>
  rowsOf(
    db,
    countsRow,
    `select receiver, count(*) filter (where delivered_at is null and dead_at is null)::int as waiting,
       count(*) filter (where dead_at is not null)::int as dead,
       coalesce(extract(epoch from now() - min(created_at) filter (where delivered_at is null and dead_at is null)), 0)::float8
         as "oldestSeconds",
       max(delivered_at) as "deliveredAt",
       (array_agg(last_error order by id desc) filter (where last_error is not null))[1] as "lastError"
     from notification_delivery group by receiver`,
  );

function shown(
  { changedAt, cursor: _cursor, ...row }: NotificationReceiverEntity,
  counts: DeliveryCounts | undefined,
): NotificationReceiver {
  return {
    ...row,
    changedAt: changedAt.toISOString(),
    waiting: counts?.waiting ?? 0,
    dead: counts?.dead ?? 0,
    deliveredAt: counts?.deliveredAt?.toISOString() ?? null,
    lastError: counts?.lastError ?? null,
  };
}

export async function listReceivers(db: Database): Promise<NotificationReceiver[]> {
  const rows = await db.getRepository(NotificationReceiverEntity).find({ order: { name: 'ASC' } });
  const counts = new Map((await deliveryCounts(db)).map((one) => [one.receiver, one]));
  return rows.map((row) => shown(row, counts.get(row.name)));
}

/** @throws Refusal `notFound` */
export async function findReceiver(db: Database, name: string): Promise<NotificationReceiver> {
  const found = (await listReceivers(db)).find((receiver) => receiver.name === name);
  if (!found) throw new Refusal('notFound', `no receiver of notifications ${name}`);
  return found;
}

const lock = (tx: EntityManager): Promise<unknown> => tx.query('select pg_advisory_xact_lock(95)');
const objectOf = (name: string) => ({ kind: 'NotificationReceiver', name });
const nextRow = z.object({ next: z.coerce.number() });

/**
 * Makes or changes a receiver. A new one is told what is sealed from now on.
 * @param expected the version that the caller saw, 0 for a new one
 * @throws Refusal
 */
export async function saveReceiver(
  tx: EntityManager,
  { name, ...content }: ReceiverInput,
  expected: number | null,
  { actor, requestId, now }: CallContext,
): Promise<NotificationReceiver> {
  await lock(tx);
  const receivers = tx.getRepository(NotificationReceiverEntity);
  const before = await receivers.findOneBy({ name });
  requireVersion(expected, before?.rowVersion ?? 0, `the receiver ${name}`);
  const changed = { ...content, changedBy: actor.name, changedAt: now };
  if (before) await receivers.update({ name }, changed);
  else {
    if ((await receivers.count()) >= MAX_RECEIVERS)
      throw new Refusal('conflict', `there are ${MAX_RECEIVERS} receivers already; remove one first`);
    const row = await rowOf(tx, nextRow, 'select coalesce(max(index) + 1, 0) as next from audit_seal');
    await receivers.insert({ name, ...changed, cursor: row?.next ?? 0 });
  }
  await appendAudit(tx, {
    actor,
    action: 'notification.receiverSaved',
    object: objectOf(name),
    requestId,
    details: { ...content, before: before ? { rowVersion: before.rowVersion } : null, at: now.toISOString() },
  });
  return findReceiver(tx, name);
}

/** Removes a receiver and its messages. @throws Refusal */
export async function removeReceiver(
  tx: EntityManager,
  name: string,
  expected: number | null,
  { actor, requestId }: CallContext,
): Promise<void> {
  await lock(tx);
  const { rowVersion, waiting, dead } = await findReceiver(tx, name);
  requireVersion(expected, rowVersion, `the receiver ${name}`);
  await tx.getRepository(NotificationReceiverEntity).delete({ name });
  await appendAudit(tx, {
    actor,
    action: 'notification.receiverRemoved',
    object: objectOf(name),
    requestId,
    details: { waiting, dead },
  });
}
