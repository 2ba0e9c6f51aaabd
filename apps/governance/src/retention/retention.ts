import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';
import { rowOf } from '../database/rows.js';

/** Rows of one table that are deleted at once: a sweep holds nobody up. */
export const MAX_DELETED = 1000;
const DAY_MS = 24 * 3_600_000;

const deletedRow = z.object({ pods: z.int(), messages: z.int() });

/** $1: over before this time; $2: so many rows of one kind. */
export const FORGET = `with pods as (
    delete from tracked_pod where uid in (
      select uid from tracked_pod where gone_at < $1 order by gone_at limit $2 for update skip locked)
    returning uid
  ), delivered as (
    delete from outbox where id in (
      select id from outbox where delivered_at < $1 order by delivered_at limit $2 for update skip locked)
    returning id
  ), abandoned as (
    delete from outbox where id in (
      select id from outbox where delivered_at is null and abandoned_at < $1
      order by abandoned_at limit $2 for update skip locked)
    returning id
  )
  select (select count(*) from pods)::int as pods,
    ((select count(*) from delivered) + (select count(*) from abandoned))::int as messages`;

/**
 * Deletes what carries no authority and proves nothing once it is over for so many days: pods that are gone, with their
 * transitions, and messages to workflows that were delivered or given up. What was deleted has an entry in the audit log.
 * @returns how many rows went; as many as `MAX_DELETED` of one kind when more wait.
 */
export async function forgetOld(
  tx: EntityManager,
  { now, days }: { now: Date; days: number },
): Promise<z.infer<typeof deletedRow>> {
  const before = new Date(now.getTime() - days * DAY_MS);
  const deleted = (await rowOf(tx, deletedRow, FORGET, [before, MAX_DELETED])) ?? { pods: 0, messages: 0 };
  if (deleted.pods + deleted.messages > 0)
    await appendAudit(tx, {
      ...{ actor: SYSTEM, action: 'retention.applied', object: { kind: 'AuditLog' }, requestId: null },
      details: { before: before.toISOString(), ...deleted },
    });
  return deleted;
}
