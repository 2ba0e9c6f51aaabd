import {
  type AuditActor,
  type AuditBody,
  type AuditObject,
  columnsOf,
  encodeBody,
  type JsonValue,
  leafHash,
} from '@scc/audit';
import type { Receipt } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { monotonicFactory } from 'ulid';
import { z } from 'zod';

/** What a caller says about a change; time and id are added here. */
export interface AuditRecord {
  actor: AuditActor;
  /** What happened, past tense after a dot: `approval.granted`. */
  action: string;
  object: AuditObject;
  requestId: string | null;
  details: JsonValue;
}

/** An entry is evidence, not a document store: keep a hash of what is larger. */
export class AuditEntryTooLarge extends Error {
  override readonly name = 'AuditEntryTooLarge';
}

const MAX_ENTRY_BYTES = 64 * 1024;
const nextId = monotonicFactory();
const checkpointRows = z.array(z.object({ note: z.string().nullable() }));

/** One statement however many entries, so that a batch costs one round trip. `unnest` keeps the order of the arrays. */
const INSERT = `
  insert into audit_entry (entry_id, body, leaf_hash, occurred_at, actor, action, object_kind, object_namespace, object_name, request_id)
  select * from unnest($1::text[], $2::bytea[], $3::bytea[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
  returning (select note from audit_checkpoint order by size desc limit 1) as note`;

function encode(record: AuditRecord, now: Date): { body: AuditBody; bytes: Buffer; leaf: Buffer } {
  const { actor, action, object, requestId, details } = record;
  const body: AuditBody = {
    v: 1,
    id: nextId(now.getTime()),
    occurredAt: now.toISOString(),
    actor: {
      name: actor.name,
      ...(actor.groups && { groups: actor.groups }),
      ...(actor.roles && { roles: actor.roles }),
    },
    action,
    object,
    requestId,
    details,
  };
  const bytes = encodeBody(body);
  if (bytes.length > MAX_ENTRY_BYTES)
    throw new AuditEntryTooLarge(
      `the audit entry for ${action} has ${bytes.length} bytes, ${MAX_ENTRY_BYTES} are allowed`,
    );
  return { body, bytes, leaf: leafHash(bytes) };
}

/**
 * Appends one entry in the caller's transaction: it is in the log exactly if the change is.
 * @returns the receipt: the leaf hash, and the newest checkpoint as a witness of the log so far. The index is known
 * after sealing (`GET /v1/audit/receipts/{entryId}`).
 * @throws AuditEntryTooLarge when the details do not fit.
 */
export async function appendAudit(tx: EntityManager, record: AuditRecord): Promise<Receipt> {
  const [receipt] = await appendAuditBatch(tx, [record]);
  if (!receipt) throw new Error('an audit entry was appended without a receipt');
  return receipt;
}

/** Appends several entries, in order, with one statement. */
export async function appendAuditBatch(tx: EntityManager, records: readonly AuditRecord[]): Promise<Receipt[]> {
  if (records.length === 0) return [];
  const entries = records.map((record) => encode(record, new Date()));
  const columns = entries.map(({ body }) => columnsOf(body));
  const column = (at: number): (string | null)[] => columns.map((row) => row[at] ?? null);
  const rows: unknown = await tx.query(INSERT, [
    column(0),
    entries.map(({ bytes }) => bytes),
    entries.map(({ leaf }) => leaf),
    ...[1, 2, 3, 4, 5, 6, 7].map(column),
  ]);
  const checkpoint = checkpointRows.parse(rows)[0]?.note ?? null;
  return entries.map(({ body, leaf }) => ({
    entryId: body.id,
    leafHash: leaf.toString('hex'),
    index: null,
    checkpoint,
  }));
}
