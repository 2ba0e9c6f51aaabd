import { jsonOf } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { type FoundContradiction, unanswered } from '../audit/answers.js';
import type { AlsoWatched } from '../audit/authority-watch.js';
import { rowsOf } from '../database/rows.js';

/** The newest entries: with a look every 30 s, none is passed over. */
const ENTRIES = 5000;
/** Clocks of governance and PostgreSQL are less apart. */
const TOLERANCE = `interval '10 minutes'`;
const ENDS = ['approval.granted', 'approval.refused', 'approval.bypassed'];

const entryRow = z.object({
  entryId: z.string(),
  at: z.date(),
  body: z.instanceof(Buffer).transform((bytes) => jsonOf(bytes.toString('utf8'))),
});
const endSchema = z.object({
  action: z.enum(ENDS),
  actor: z.object({ name: z.string() }),
  details: z.object({ uid: z.string(), complete: z.boolean().optional() }),
});
const DECIDED = `
  select entry_id as "entryId", occurred_at as at, body from audit_entry
  where action = any($1) and id > (select max(id) from audit_entry) - ${ENTRIES}
    and occurred_at > now() - interval '1 day' order by id`;

/** Which of these ends has no message that tells the workflow of it. */
const UNTOLD = `
  select e.entry as "entryId" from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    as e (entry, uid, actor, outcome, at)
  where not exists (select from outbox o where o.plan_uid = e.uid and o.payload ->> 'actor' = e.actor
    and o.payload ->> 'reason' = e.outcome and o.created_at between e.at - ${TOLERANCE} and e.at + ${TOLERANCE})`;

const heldRow = z.object({ id: z.string(), due: z.date() });
const HELD = `
  select id::text as id, due_at as due from outbox
  where delivered_at is null and abandoned_at is null and due_at > now() + ${TOLERANCE} order by id limit 200`;

/**
 * Compares the messages to workflows with the ends of approvals in the log that they tell of: messages that were taken
 * away, such as with an older copy of their table, and messages that were put off.
 */
export class OutboxWatch implements AlsoWatched {
  readonly name = 'messages to workflows';

  constructor(private readonly source: DataSource) {}

  async look(): Promise<FoundContradiction[]> {
    return unanswered(this.source, [...(await this.untold()), ...(await this.held())]);
  }

  private async untold(): Promise<FoundContradiction[]> {
    const ends = (await rowsOf(this.source, entryRow, DECIDED, [ENDS])).flatMap(({ entryId, at, body }) => {
      const end = endSchema.safeParse(body).data;
      const isOver = end && (end.action !== 'approval.granted' || end.details.complete === true);
      return isOver
        ? [{ entryId, at, uid: end.details.uid, actor: end.actor.name, outcome: outcomeOf(end.action) }]
        : [];
    });
    const columns = (['entryId', 'uid', 'actor', 'outcome', 'at'] as const).map((name) => ends.map((end) => end[name]));
    const rows = await rowsOf(this.source, z.object({ entryId: z.string() }), UNTOLD, columns);
    return rows.map(({ entryId }) => ({
      ...{ fault: 'entry-without-row', table: 'outbox', key: entryId, holds: { stands: 'missing' } },
      by: { index: null, entryId },
      message: `no message tells the workflow of the end of an approval in the entry ${entryId}`,
    }));
  }

  private async held(): Promise<FoundContradiction[]> {
    const rows = await rowsOf(this.source, heldRow, HELD);
    return rows.map(({ id, due }) => ({
      ...{ fault: 'row-differs', table: 'outbox', key: id, by: null, holds: { stands: due.toISOString() } },
      message: `the message ${id} to a workflow was put off until ${due.toISOString()}`,
    }));
  }
}

const outcomeOf = (action: string): 'refused' | 'granted' => (action === 'approval.refused' ? 'refused' : 'granted');
