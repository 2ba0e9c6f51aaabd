import type { Contradiction, JsonValue } from '@scc/audit';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowsOf } from '../database/rows.js';
import { appendAuditBatch, type AuditRecord } from './append.js';

/** Somebody looked at what contradicts the log, and answers for it as it is. */
const ANSWERED = 'record.answered';

export interface Answered extends Pick<AuditRecord, 'actor' | 'requestId'> {
  reason: string;
  /** The published checkpoint that the log does not continue, when the answer is about that, too. */
  checkpoint: string | null;
}

/** Writes who answers for what was found, as it is now, and why. */
export async function answerFor(
  tx: EntityManager,
  found: readonly Contradiction[],
  { actor, requestId, reason, checkpoint }: Answered,
): Promise<void> {
  await appendAuditBatch(tx, acceptances(found, { actor, action: ANSWERED, requestId }, { reason, checkpoint }));
}

const answerRow = z.object({
  body: z.instanceof(Buffer).transform((bytes): unknown => JSON.parse(bytes.toString('utf8'))),
});
const aboutCheckpoint = z.object({ details: z.object({ checkpoint: z.string() }) });

/** Whether somebody has answered for a log that does not continue this published checkpoint. */
export async function isAnswered(db: Queryable, checkpoint: string): Promise<boolean> {
  const answers = await rowsOf(db, answerRow, 'select body from audit_entry where action = $1', [ANSWERED]);
  return answers.some(({ body }) => aboutCheckpoint.safeParse(body).data?.details.checkpoint === checkpoint);
}

/** Room for the rest of an entry beside its rows. */
const MAX_ROW_CHARACTERS = 24_000;

/** As many entries as the rows need; at least one. */
export function acceptances(
  found: readonly Contradiction[],
  said: Pick<AuditRecord, 'actor' | 'action' | 'requestId'>,
  details: Record<string, JsonValue>,
): AuditRecord[] {
  const chunks: JsonValue[][] = [[]];
  let characters = 0;
  for (const { table, key, holds } of found) {
    const row = { table, key, holds };
    characters += JSON.stringify(row).length;
    if (characters > MAX_ROW_CHARACTERS) {
      chunks.push([]);
      characters = JSON.stringify(row).length;
    }
    chunks.at(-1)?.push(row);
  }
  return chunks.map((rows) => ({ ...said, object: { kind: 'AuditLog' }, details: { ...details, rows } }));
}
