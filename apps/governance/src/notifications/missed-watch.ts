import { NOTIFICATION_KINDS } from '@scc/governance-api';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { type FoundContradiction, unanswered } from '../audit/answers.js';
import type { AlsoWatched } from '../audit/authority-watch.js';
import { rowsOf } from '../database/rows.js';
import { isTold } from './collect.js';
import { kindOf } from './message.js';

/** The newest seals: with a look every 30 s, none is passed over. */
const SEALS = 5000;

const missedRow = z.object({
  receiver: z.string(),
  namespaces: z.array(z.string()),
  kinds: z.array(z.string()),
  index: z.coerce.number(),
  event: z.string(),
  action: z.string(),
  namespace: z.string().nullable(),
});

/** Events that a receiver is past, since it is as it is now, and of which it has no message. */
const MISSED = `
  with saved as (
    select r.*, (select s.index from audit_seal s where s.entry = (
      select max(e.id) from audit_entry e
      where e.action = 'notification.receiverSaved' and e.object_kind = 'NotificationReceiver'
        and e.object_namespace is null and e.object_name = r.name)) as since
    from notification_receiver r
  ), newest as (select coalesce(max(index), 0) as index from audit_seal)
  select r.name as receiver, r.namespaces, r.kinds, s.index, e.entry_id as event, e.action,
    e.object_namespace as namespace
  from newest n join audit_seal s on s.index > n.index - ${SEALS} join audit_entry e on e.id = s.entry
    join saved r on s.index > r.since and s.index < r.cursor
  where e.action = any($1) and e.occurred_at > now() - interval '1 day'
    and not exists (select from notification_delivery d where d.receiver = r.name and d.event = e.entry_id)
    and not exists (select from migration_end m where m.entry_id = e.entry_id and m.untrusted is not null)
  order by s.index, r.name limit 200`;

const aheadRow = z.object({ receiver: z.string(), cursor: z.coerce.number(), size: z.coerce.number() });

/** Receivers that say they have taken seals that the log does not have. */
const AHEAD = `
  select r.name as receiver, r.cursor, l.size
  from notification_receiver r, (select coalesce(max(index) + 1, 0) as size from audit_seal) l
  where r.cursor > l.size order by r.name`;

/**
 * Compares how far receivers of notifications have come with the log and with the messages that they have: one that was
 * set forward, or whose messages were taken away, misses events.
 */
export class MissedWatch implements AlsoWatched {
  readonly name = 'messages to receivers';

  constructor(private readonly source: DataSource) {}

  async look(): Promise<FoundContradiction[]> {
    const rows = await rowsOf(this.source, missedRow, MISSED, [Object.keys(NOTIFICATION_KINDS)]);
    const missed = rows.flatMap(({ receiver, namespaces, kinds, index, event, action, namespace }) => {
      const kind = kindOf(action);
      if (kind === null || !isTold({ namespaces, kinds }, namespace, kind)) return [];
      return [
        {
          ...{ fault: 'entry-without-row', table: 'notification_delivery', key: `${receiver} ${event}` },
          ...{ holds: { stands: 'missing' }, by: { index, entryId: event } },
          message: `the receiver ${receiver} is past the event ${kind} and has no message of it`,
        },
      ];
    });
    return unanswered(this.source, [...(await this.ahead()), ...missed]);
  }

  private async ahead(): Promise<FoundContradiction[]> {
    const rows = await rowsOf(this.source, aheadRow, AHEAD);
    return rows.map(({ receiver, cursor, size }) => ({
      ...{ fault: 'row-differs', table: 'notification_receiver.cursor', key: receiver, by: null },
      holds: { stands: String(cursor) },
      message: `the receiver ${receiver} has taken the log up to ${cursor}, and it has ${size} entries: it was set forward`,
    }));
  }
}
