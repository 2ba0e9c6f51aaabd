import { auditBodySchema } from '@scc/audit';
import { backoffMs, messageOf } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowOf } from '../database/rows.js';
import { cloudEvent, kindOf, slackMessage, type Told, toldOf } from './message.js';
import type { ReceiverAnswer, Courier } from './courier.js';
import { NotificationReceiverEntity } from './receiver.entity.js';
import { signedHeaders } from './signature.js';

const BACKOFF = { firstMs: 5_000, lastMs: 60 * 60_000 };
/** The last attempt is some nine hours after the first one. */
const MAX_ATTEMPTS = 18;
/** A process that claimed a message and ended is followed by another one after this time. */
const CLAIM_MS = 60_000;
const MAX_ERROR = 500;
/** The receiver says that it will take no message any more. */
const GONE = 410;

export interface DeliverParts {
  source: DataSource;
  courier: Courier;
  /** The audit log that events are from. */
  origin: string;
  now: () => Date;
  signal: AbortSignal;
}

const claimedRow = z.object({ id: z.string(), event: z.string(), attempts: z.int() });
type Claimed = z.infer<typeof claimedRow>;

/** Takes the message that has been due the longest, so that no other process has it until the claim is over. */
const claim = (db: Queryable, receiver: string, now: Date): Promise<Claimed | undefined> =>
  rowOf(
    db,
    claimedRow,
    `update notification_delivery set attempts = attempts + 1, due_at = $3
     where id = (select id from notification_delivery
       where receiver = $1 and delivered_at is null and dead_at is null and due_at <= $2
       order by due_at, id limit 1 for update skip locked)
     returning id, event, attempts`,
    [receiver, now, new Date(now.getTime() + CLAIM_MS)],
  );

async function toldIn(db: Queryable, event: string, origin: string): Promise<Told> {
  const row = await rowOf(
    db,
    z.object({ body: z.instanceof(Buffer) }),
    'select body from audit_entry where entry_id = $1',
    [event],
  );
  const body = row && auditBodySchema.parse(JSON.parse(row.body.toString('utf8')));
  const kind = body ? kindOf(body.action) : null;
  if (!body || kind === null) throw new Error(`the audit entry ${event} is not there`);
  return toldOf(body, kind, origin);
}

async function send(parts: DeliverParts, receiver: NotificationReceiverEntity, event: string): Promise<ReceiverAnswer> {
  const { courier, source, origin, now, signal } = parts;
  const [told, url, keys] = [
    await toldIn(source, event, origin),
    await courier.address(receiver),
    await courier.keys(receiver),
  ];
  if (receiver.type === 'slack')
    return courier.post(url, slackMessage(told, receiver.template), { 'content-type': 'application/json' }, signal);
  const body = cloudEvent(told, receiver.template);
  const headers = signedHeaders({ id: told.id, body, at: now() }, keys);
  return courier.post(url, body, { ...headers, 'content-type': 'application/cloudevents+json' }, signal);
}

export type DeliveryOutcome = 'delivered' | 'failed' | 'dead';

/**
 * Sends one message that is due. At least once: a process that ends between the answer of the receiver and its own
 * record sends it again, with the same id.
 * @returns null when none is due
 * @throws the signal's reason, and what the database says
 */
export async function deliverOne(parts: DeliverParts, name: string): Promise<DeliveryOutcome | null> {
  const { source, now, signal } = parts;
  const claimed = await claim(source, name, now());
  const receiver = claimed && (await source.getRepository(NotificationReceiverEntity).findOneBy({ name }));
  if (!claimed || !receiver) return null;
  let failure: { message: string; retryAfterMs: number | null; isGone: boolean };
  try {
    const { status, said, retryAfterMs } = await send(parts, receiver, claimed.event);
    if (status >= 200 && status < 300) {
      await end(source, claimed.id, { column: 'delivered_at', at: now(), error: null });
      return 'delivered';
    }
    failure = { message: `answered ${status}${said && `: ${said}`}`, retryAfterMs, isGone: status === GONE };
  } catch (error) {
    signal.throwIfAborted();
    failure = { message: messageOf(error), retryAfterMs: null, isGone: false };
  }
  const error = failure.message.replaceAll('\0', '').slice(0, MAX_ERROR);
  if (failure.isGone || claimed.attempts >= MAX_ATTEMPTS) {
    await end(source, claimed.id, { column: 'dead_at', at: now(), error });
    return 'dead';
  }
  const asked = Math.min(failure.retryAfterMs ?? 0, BACKOFF.lastMs);
  const dueAt = new Date(now().getTime() + Math.max(asked, backoffMs(claimed.attempts, BACKOFF)));
  await source.query('update notification_delivery set due_at = $2, last_error = $3 where id = $1', [
    claimed.id,
    dueAt,
    error,
  ]);
  return 'failed';
}

const end = (
  db: Queryable,
  id: string,
  { column, at, error }: { column: 'delivered_at' | 'dead_at'; at: Date; error: string | null },
): Promise<unknown> =>
  db.query(
    `update notification_delivery set ${column} = $2, last_error = $3
     where id = $1 and delivered_at is null and dead_at is null`,
    [id, at, error],
  );
