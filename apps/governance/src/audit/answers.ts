import { AUTHORITY_TABLES, type JsonValue } from '@scc/audit';
import { jsonOf } from '@scc/runtime';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowsOf } from '../database/rows.js';
import { appendAuditBatch, type AuditRecord } from './append.js';
import { chunked } from './chunks.js';

/** Somebody looked at what contradicts the log, and answers for it as it is. */
export const ANSWERED = 'record.answered';

/** A contradiction of the log: a row of authority, or of what is read of a migration. */
export interface FoundContradiction {
  fault: string;
  table: string;
  key: string;
  /** The row as it stands, null when there is none. */
  holds: Readonly<Record<string, JsonValue>> | null;
  by: { index: number | null; entryId: string } | null;
  message: string;
  /** It contradicts the log no more and waits for an answer only. */
  isOver?: boolean;
}

export interface Answered extends Pick<AuditRecord, 'actor' | 'requestId'> {
  reason: string;
  /** The published checkpoint that the log does not continue, when the answer is about that, too. */
  checkpoint: string | null;
}

/** Writes who answers for what was found, as it is now, and why. */
export async function answerFor(
  tx: EntityManager,
  found: readonly FoundContradiction[],
  { actor, requestId, reason, checkpoint }: Answered,
): Promise<void> {
  await appendAuditBatch(tx, acceptances(found, { actor, action: ANSWERED, requestId }, { reason, checkpoint }));
}

const answerRow = z.object({
  body: z.instanceof(Buffer).transform((bytes) => jsonOf(bytes.toString('utf8'))),
});
const closedSchema = z.object({
  details: z.object({
    closed: z.array(z.object({ table: z.string(), key: z.string(), stands: z.string().nullable() })),
  }),
});

/** The answers of people for what is read of migrations, as it stood: table, key and hash. */
export async function answeredStands(db: Queryable): Promise<ReadonlySet<string>> {
  const answers = await rowsOf(db, answerRow, 'select body from audit_entry where action = $1', [ANSWERED]);
  return new Set(
    answers.flatMap(({ body }) =>
      (closedSchema.safeParse(body).data?.details.closed ?? []).map(
        ({ table, key, stands }) => `${table} ${key} ${stands}`,
      ),
    ),
  );
}

/** What has no answer as it stands (`holds.stands`). */
export async function unanswered(db: Queryable, found: readonly FoundContradiction[]): Promise<FoundContradiction[]> {
  if (found.length === 0) return [];
  const answered = await answeredStands(db);
  return found.filter(({ table, key, holds }) => {
    const stands = holds?.['stands'];
    return typeof stands !== 'string' || !answered.has(`${table} ${key} ${stands}`);
  });
}

const aboutCheckpoint = z.object({ details: z.object({ checkpoint: z.string() }) });

/** Whether somebody has answered for a log that does not continue this published checkpoint. */
export async function isAnswered(db: Queryable, checkpoint: string): Promise<boolean> {
  const answers = await rowsOf(db, answerRow, 'select body from audit_entry where action = $1', [ANSWERED]);
  return answers.some(({ body }) => aboutCheckpoint.safeParse(body).data?.details.checkpoint === checkpoint);
}

const isOfAuthority = ({ table }: FoundContradiction): boolean => AUTHORITY_TABLES.some((known) => known === table);

/**
 * As many entries as the rows need; at least one. Rows of authority are accepted as they are (`rows`); what is over, and
 * what is read of migrations, is only closed: what it was seen as stands beside it.
 */
export function acceptances(
  found: readonly FoundContradiction[],
  said: Pick<AuditRecord, 'actor' | 'action' | 'requestId'>,
  details: Record<string, JsonValue>,
): AuditRecord[] {
  const [first = [], ...more] = chunked(
    found.map(({ table, key, holds, isOver = false, ...rest }) => ({ ...rest, table, key, holds, isOver })),
  );
  return [first, ...more].map((part) => {
    const accepted = part.filter((one) => isOfAuthority(one) && !one.isOver);
    const closed = part.filter((one) => !accepted.includes(one));
    return {
      ...{ ...said, object: { kind: 'AuditLog' } },
      details: {
        ...details,
        rows: accepted.map(({ table, key, holds }) => ({ table, key, holds })),
        ...(closed.length > 0 && {
          closed: closed.map(({ table, key, holds }) => ({ table, key, stands: holds?.['stands'] ?? null })),
        }),
      },
    };
  });
}
