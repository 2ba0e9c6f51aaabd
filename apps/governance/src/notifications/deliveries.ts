import { DELIVERY_STATES, type NotificationDelivery } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { type Database, rowsOf } from '../database/rows.js';
import { matching } from '../paging/filters.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { NotificationDeliveryEntity } from './delivery.entity.js';
import { findReceiver } from './receivers.js';

export const deliveryQuerySchema = z.object({
  ...pageQuery,
  receiver: z.string().max(63).optional(),
  state: z.enum(DELIVERY_STATES).optional().describe('waiting: is tried again. dead: was given up.'),
});
const positionSchema = z.object({ id: z.string().regex(/^[0-9]{1,18}$/) });

const STATES: Record<NotificationDelivery['state'], string> = {
  waiting: 'd.delivered_at is null and d.dead_at is null',
  delivered: 'd.delivered_at is not null',
  dead: 'd.dead_at is not null',
};

function stateOf({ deliveredAt, deadAt }: NotificationDeliveryEntity): NotificationDelivery['state'] {
  if (deliveredAt) return 'delivered';
  return deadAt ? 'dead' : 'waiting';
}

const shown = (row: NotificationDeliveryEntity): NotificationDelivery => ({
  id: row.id,
  receiver: row.receiver,
  event: row.event,
  kind: row.kind,
  namespace: row.namespace,
  name: row.name,
  state: stateOf(row),
  attempts: row.attempts,
  createdAt: row.createdAt.toISOString(),
  dueAt: row.dueAt.toISOString(),
  deliveredAt: row.deliveredAt?.toISOString() ?? null,
  lastError: row.lastError,
});

/** Messages, newest first. @throws Refusal `invalid` for a cursor of another list */
export async function listDeliveries(
  db: Database,
  { limit, cursor, receiver, state }: z.infer<typeof deliveryQuerySchema>,
): Promise<ListPage<NotificationDelivery>> {
  const query = db.getRepository(NotificationDeliveryEntity).createQueryBuilder('d');
  matching(query, { receiver });
  if (state !== undefined) query.andWhere(STATES[state]);
  const after = positionOf(positionSchema, cursor);
  if (after) query.andWhere('d.id < :id', after);
  const rows = await query
    .orderBy('d.id', 'DESC')
    .limit(limit + 1)
    .getMany();
  return pageOf(rows.map(shown), limit, ({ id }) => ({ id }));
}

/** Makes the messages of a receiver that were given up due again. @throws Refusal `notFound` */
export async function retryDeliveries(
  tx: EntityManager,
  receiver: string,
  { actor, requestId, now }: CallContext,
): Promise<{ retried: number }> {
  await findReceiver(tx, receiver);
  const rows = await rowsOf(
    tx,
    z.object({ id: z.string() }),
    `update notification_delivery set dead_at = null, attempts = 0, due_at = $2
     where receiver = $1 and dead_at is not null returning id`,
    [receiver, now],
  );
  await appendAudit(tx, {
    actor,
    action: 'notification.retried',
    object: { kind: 'NotificationReceiver', name: receiver },
    requestId,
    details: { messages: rows.length },
  });
  return { retried: rows.length };
}
