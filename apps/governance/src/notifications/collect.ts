import { NOTIFICATION_KINDS, takesKind } from '@scc/governance-api';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { isEverywhere, isInScope } from '../call/scope.js';
import { rowOf, rowsOf } from '../database/rows.js';
import { kindOf } from './message.js';

/** Entries of the log that are looked at in one transaction. */
const BATCH = 1000;

const receiverRow = z.object({
  name: z.string(),
  namespaces: z.array(z.string()),
  kinds: z.array(z.string()),
  cursor: z.coerce.number(),
});
type Receiver = z.infer<typeof receiverRow>;

const entryRow = z.object({
  index: z.coerce.number(),
  event: z.string(),
  action: z.string(),
  namespace: z.string().nullable(),
  name: z.string().nullable(),
});
type Entry = z.infer<typeof entryRow>;

/** An end that receipts do not cover is told as that alone. */
const ENTRIES = `
  select s.index, e.entry_id as event, e.action, e.object_namespace as namespace, e.object_name as name
  from audit_seal s join audit_entry e on e.id = s.entry
  where s.index >= $1 and s.index < $2 and e.action = any($3)
    and not exists (select from migration_end m where m.entry_id = e.entry_id and m.untrusted is not null)
  order by s.index`;

/** What is of no namespace: stops concern each of them, and a campaign those who may know of all. */
const isForScope = (namespaces: readonly string[], namespace: string | null, kind: string): boolean =>
  namespace === null ? !kind.startsWith('campaign.') || isEverywhere(namespaces) : isInScope(namespaces, namespace);

/** Whether a receiver is told of an event of this kind in this namespace. */
export const isTold = (
  { namespaces, kinds }: Pick<Receiver, 'namespaces' | 'kinds'>,
  namespace: string | null,
  kind: string,
): boolean => kinds.some((pattern) => takesKind(pattern, kind)) && isForScope(namespaces, namespace, kind);

/**
 * Makes messages of what was sealed since the last time, once per event and receiver. Only one process does so at a time.
 * @returns whether more is left
 */
export const collectMessages = (source: DataSource, now: Date): Promise<boolean> =>
  source.transaction(async (tx) => {
    const held = await rowOf(tx, z.object({ held: z.boolean() }), 'select pg_try_advisory_xact_lock(96) as held');
    if (held?.held !== true) return false;
    const receivers = await rowsOf(
      tx,
      receiverRow,
      'select name, namespaces, kinds, cursor from notification_receiver order by name for update',
    );
    if (receivers.length === 0) return false;
    const row = await rowOf(
      tx,
      z.object({ end: z.coerce.number() }),
      'select coalesce(max(index) + 1, 0) as end from audit_seal',
    );
    const end = row?.end ?? 0;
    const from = Math.min(...receivers.map(({ cursor }) => cursor));
    const to = Math.min(from + BATCH, end);
    if (to <= from) return false;
    const entries = await rowsOf(tx, entryRow, ENTRIES, [from, to, Object.keys(NOTIFICATION_KINDS)]);
    for (const receiver of receivers) await keep(tx, receiver, entries, now);
    await tx.query('update notification_receiver set cursor = $2 where name = any($1) and cursor < $2', [
      receivers.map(({ name }) => name),
      to,
    ]);
    return to < end;
  });

async function keep(tx: EntityManager, receiver: Receiver, entries: readonly Entry[], now: Date): Promise<void> {
  const messages = entries.flatMap((entry) => {
    const kind = kindOf(entry.action);
    return kind !== null && entry.index >= receiver.cursor && isTold(receiver, entry.namespace, kind)
      ? [{ ...entry, kind }]
      : [];
  });
  if (messages.length === 0) return;
  await tx.query(
    `insert into notification_delivery (receiver, event, kind, namespace, name, created_at, due_at)
     select $1, *, $6::timestamptz, $6::timestamptz from unnest($2::text[], $3::text[], $4::text[], $5::text[])
     on conflict (receiver, event) do nothing`,
    [
      receiver.name,
      messages.map(({ event }) => event),
      messages.map(({ kind }) => kind),
      messages.map(({ namespace }) => namespace),
      messages.map(({ name }) => name),
      now,
    ],
  );
}
