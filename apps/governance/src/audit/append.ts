import { AsyncLocalStorage } from 'node:async_hooks';
import { getRandomValues } from 'node:crypto';
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
import { type EntityManager, QueryFailedError } from 'typeorm';
import { monotonicFactory } from 'ulid';
import { z } from 'zod';
import type { TransactionClient } from '../database/transaction-client.js';

/** A caller's words about a change; time and id are added here. */
export interface AuditRecord {
  actor: AuditActor;
  /** The event, past tense after a dot: `approval.granted`. */
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
/** An entry is not in the log as it was sent: a trigger, a rule or another hand in the database stands between. */
export class AuditEntryNotStored extends Error {
  override readonly name = 'AuditEntryNotStored';
}

const storedRows = z.array(
  z.object({
    stored: z.boolean(),
    places: z.array(z.string()).nullable(),
    ids: z.array(z.string()).nullable(),
    note: z.string().nullable(),
  }),
);

const COLUMNS =
  'entry_id, body, leaf_hash, occurred_at, actor, action, object_kind, object_namespace, object_name, request_id';
const NOTE = '(select note from audit_checkpoint order by size desc limit 1) as note';
/** Whether the row that is there now is the one that was sent; $1 to $10 are its columns. The sealer walks by the last. */
const STORED = [
  ...COLUMNS.split(', ').map((column, at) => `${column} is not distinct from $${at + 1}`),
  `transaction_id = pg_current_xact_id()::text::bigint`,
].join(' and ');

/** One statement however many entries, so that a batch costs one round trip. `unnest` keeps the order of the arrays. */
const INSERT_MANY = `
  with sent (${COLUMNS}, transaction_id) as (select *, pg_current_xact_id()::text::bigint
      from unnest($1::text[], $2::bytea[], $3::bytea[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])),
    added as (insert into audit_entry (${COLUMNS}) select ${COLUMNS} from sent returning ctid::text as place, ${COLUMNS}, transaction_id),
    -- Sorted and compared as whole rows: what is missing, and what is not as it was sent, makes the two differ.
    differing as (select ${COLUMNS}, transaction_id from sent except select ${COLUMNS}, transaction_id from added)
  select not exists (select from differing) and count(*) = (select count(*) from sent) as stored,
    array_agg(place) as places, array_agg(entry_id) as ids, ${NOTE} from added`;
/** The usual case. Prepared once per connection: parsing and planning it would cost as much as running it. */
const INSERT_ONE = {
  name: 'audit-append',
  text: `insert into audit_entry (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    returning (${STORED}) as stored, array[ctid::text] as places, array[entry_id] as ids, ${NOTE}`,
};

/**
 * What is not in the log any more when the transaction commits, after every trigger has run. `INSERT … RETURNING` saw the
 * row at its place as it was sent; PostgreSQL writes a changed row to another place, and gives no place again before the
 * transaction that emptied it has ended. Not an anti join, and with the fence of `offset 0`: a plan that was made for a
 * young log is kept, and must not go through all of it to find a handful of rows.
 */
const LOST = `
  select 1 / (0 * length(sent.id)) from unnest($1::tid[], $2::text[]) as sent (place, id)
  where (select e.entry_id = sent.id from (select entry_id from audit_entry where ctid = sent.place offset 0) e) is not true`;

/** Of node-postgres: TypeORM has no way to name a statement. */
interface Connection extends Pick<TransactionClient, 'checkAtCommit'> {
  query(statement: typeof INSERT_ONE & { values: unknown[] }): Promise<{ rows: unknown[] }>;
}

const randomPool = new Uint8Array(4096);
let randomLeft = 0;

/** A system call for each of a ULID's sixteen random characters would cost more than all the rest of an entry. */
function pooledRandom(): number {
  if (randomLeft === 0) {
    getRandomValues(randomPool);
    randomLeft = randomPool.length;
  }
  randomLeft -= 1;
  return (randomPool[randomLeft] ?? 0) / 256;
}

const nextId = monotonicFactory(pooledRandom);

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
 * @throws AuditEntryTooLarge when the details do not fit, AuditEntryNotStored when the log does not hold it word for word.
 */
export async function appendAudit(tx: EntityManager, record: AuditRecord): Promise<Receipt> {
  const [receipt] = await appendAuditBatch(tx, [record]);
  if (!receipt) throw new Error('an audit entry was appended without a receipt');
  return receipt;
}

const told = new AsyncLocalStorage<Receipt[]>();

/** Does the work and collects the receipts of what it appends; they hold once its transaction has committed. */
export const withReceipts = <T>(receipts: Receipt[], work: () => T): T => told.run(receipts, work);

/** Appends several entries, in order, with one statement. */
export async function appendAuditBatch(tx: EntityManager, records: readonly AuditRecord[]): Promise<Receipt[]> {
  if (records.length === 0) return [];
  const entries = records.map((record) => encode(record, new Date()));
  const rows = entries.map(({ body, bytes, leaf }): unknown[] => {
    const [id, ...columns] = columnsOf(body);
    return [id, bytes, leaf, ...columns];
  });
  const refusal = (): Error =>
    new AuditEntryNotStored(
      `the audit log did not keep ${records.map(({ action }) => action).join(', ')} as it was written, so nothing of it is done: look for triggers and rules on audit_entry`,
    );
  const connection = await connectionOf(tx);
  const [answer] = storedRows.parse(await insert(tx, connection, rows));
  if (!answer?.stored) throw refusal();
  const { places, ids, note: checkpoint } = answer;
  connection.checkAtCommit({ text: LOST, columns: [places ?? [], ids ?? []], refusal });
  const receipts = entries.map(({ body, leaf }) => ({
    entryId: body.id,
    leafHash: leaf.toString('hex'),
    index: null,
    checkpoint,
  }));
  told.getStore()?.push(...receipts);
  return receipts;
}

async function connectionOf(tx: EntityManager): Promise<Connection> {
  if (!tx.queryRunner) throw new Error('an audit entry belongs into the transaction of the change that it records');
  return (await tx.queryRunner.connect()) as Connection;
}

async function insert(tx: EntityManager, connection: Connection, rows: readonly unknown[][]): Promise<unknown> {
  const [first = [], ...more] = rows;
  if (more.length > 0)
    return tx.query<unknown>(
      INSERT_MANY,
      first.map((_value, column) => rows.map((row) => row[column])),
    );
  try {
    return (await connection.query({ ...INSERT_ONE, values: first })).rows;
  } catch (error) {
    throw error instanceof Error ? new QueryFailedError(INSERT_ONE.text, first, error) : error;
  }
}
