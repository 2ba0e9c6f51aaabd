import {
  auditBodySchema,
  type AuditConsistency,
  type AuditEntryDetail,
  type AuditEntrySummary,
  type AuditInclusion,
  type AuditState,
} from '@scc/audit';
import type { Receipt } from '@scc/governance-api';
import { z } from 'zod';
import { likePatterns, type Scope } from '../call/scope.js';
import { Refusal } from '../refusal/refusal.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { consistencyProof, inclusionProof, newestCheckpoint } from './proofs.js';

/** PostgreSQL's text holds no NUL, so nothing with one can be found. */
const text = z
  .string()
  .min(1)
  .max(253)
  .refine((value) => !value.includes('\0'), 'holds a NUL character');
export const entryIdSchema = text;

/** The criteria for entries; all given ones must match. */
export const entryFilterSchema = z.object({
  actor: text.optional(),
  action: text.optional(),
  kind: text.optional(),
  namespace: text.optional(),
  name: text.optional(),
  requestId: text.optional(),
  from: z.iso.datetime({ offset: true }).optional().describe('Inclusive.'),
  to: z.iso.datetime({ offset: true }).optional().describe('Exclusive.'),
});
export type EntryFilter = z.infer<typeof entryFilterSchema>;

const entryRow = z.object({
  id: z.string(),
  entry_id: z.string(),
  body: z.instanceof(Buffer),
  leaf_hash: z.instanceof(Buffer),
  index: z.coerce.number().nullable(),
});
type EntryRow = z.infer<typeof entryRow>;

const SELECT = `select e.id::text, e.entry_id, e.body, e.leaf_hash, s.index
  from audit_entry e left join audit_seal s on s.entry = e.id`;

const CONDITIONS: Record<keyof EntryFilter, (parameter: string) => string> = {
  actor: (parameter) => `e.actor = ${parameter}`,
  action: (parameter) => `e.action = ${parameter}`,
  kind: (parameter) => `e.object_kind = ${parameter}`,
  namespace: (parameter) => `e.object_namespace = ${parameter}`,
  name: (parameter) => `e.object_name = ${parameter}`,
  requestId: (parameter) => `e.request_id = ${parameter}`,
  from: (parameter) => `e.occurred_at >= ${parameter}`,
  to: (parameter) => `e.occurred_at < ${parameter}`,
};
const FILTERS = entryFilterSchema.keyof().options;

const bodySchema = auditBodySchema.extend({ details: z.unknown() });

const summaryOf = ({ entry_id: id, body, leaf_hash: leaf, index }: EntryRow): AuditEntrySummary => ({
  id,
  leafHash: leaf.toString('hex'),
  index,
  body: bodySchema.parse(JSON.parse(body.toString('utf8'))),
});

export interface ListedEntry {
  /** Where the next page begins. */
  row: string;
  entry: AuditEntrySummary;
}

/** Entries that match and are about something in the scope, the newest first. */
export async function listEntries(
  db: Queryable,
  filter: EntryFilter,
  { limit, before, scope }: { limit: number; before: string | null; scope: Scope },
): Promise<ListedEntry[]> {
  const parameters: unknown[] = [limit];
  const add = (value: unknown): string => `$${parameters.push(value)}`;
  const conditions = FILTERS.flatMap((name) => {
    const value = filter[name];
    return value === undefined ? [] : [CONDITIONS[name](add(value))];
  });
  const patterns = likePatterns(scope);
  if (patterns) conditions.push(`e.object_namespace like any (${add(patterns)}::text[])`);
  if (before !== null) conditions.push(`e.id < ${add(before)}`);
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const rows = await rowsOf(db, entryRow, `${SELECT} ${where} order by e.id desc limit $1`, parameters);
  return rows.map((row) => ({ row: row.id, entry: summaryOf(row) }));
}

async function checkpointOf(db: Queryable, size: number): Promise<string | null> {
  const row = await rowOf(db, z.object({ note: z.string() }), 'select note from audit_checkpoint where size = $1', [
    size,
  ]);
  return row?.note ?? null;
}

/**
 * One entry with what proves that it is in the tree of `size` entries, or of the newest checkpoint when that is null.
 * @throws Refusal `notFound`, and `invalid` when the log is smaller than `size` or the entry is beyond it.
 */
export async function entryDetail(db: Queryable, id: string, size: number | null): Promise<AuditEntryDetail> {
  const row = await rowOf(db, entryRow, `${SELECT} where e.entry_id = $1`, [id]);
  if (!row) throw new Refusal('notFound', `the audit log holds no entry ${id}`);
  return { ...summaryOf(row), bytes: row.body.toString('base64'), inclusion: await inclusionOf(db, row.index, size) };
}

async function inclusionOf(db: Queryable, index: number | null, size: number | null): Promise<AuditInclusion | null> {
  const newest = await newestCheckpoint(db);
  const tree = size ?? newest?.size ?? 0;
  requireSize('size', tree, newest?.size ?? 0);
  if (index === null) return null;
  if (index >= tree) {
    // An entry that was sealed after the checkpoint was read has no proof against it yet.
    if (size === null) return null;
    throw new Refusal('invalid', 'the entry was sealed later', [
      { field: 'size', message: `the entry is at ${index}, ask for a tree of at least ${index + 1}` },
    ]);
  }
  const checkpoint = tree === newest?.size ? newest.note : await checkpointOf(db, tree);
  return { index, size: tree, checkpoint, path: hexes(await inclusionProof(db, index, tree)) };
}

const hexes = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'));

function requireSize(field: string, size: number, available: number): void {
  if (size > available)
    throw new Refusal('invalid', 'the log is smaller than that', [
      { field, message: `is ${size}, the newest checkpoint has ${available} entries` },
    ]);
}

/** @throws Refusal `invalid` when the sizes do not rise or the log is smaller. */
export async function consistencyOf(db: Queryable, first: number, second: number): Promise<AuditConsistency> {
  if (first > second)
    throw new Refusal('invalid', 'consistency goes from a smaller to a larger log', [
      { field: 'first', message: `is ${first}, larger than second, ${second}` },
    ]);
  requireSize('second', second, (await newestCheckpoint(db))?.size ?? 0);
  return {
    first,
    second,
    path: hexes(await consistencyProof(db, first, second)),
    checkpoint: await checkpointOf(db, second),
  };
}

/**
 * The receipt of an entry as it is now: with its index once it is sealed.
 * @throws Refusal `notFound`
 */
export async function receiptOf(db: Queryable, entryId: string): Promise<Receipt> {
  const row = await rowOf(db, entryRow, `${SELECT} where e.entry_id = $1`, [entryId]);
  if (!row) throw new Refusal('notFound', `the audit log holds no entry ${entryId}`);
  const checkpoint = (await newestCheckpoint(db))?.note ?? null;
  return { entryId, leafHash: row.leaf_hash.toString('hex'), index: row.index, checkpoint };
}

const lagRow = z.object({
  size: z.coerce.number(),
  unsealed: z.coerce.number(),
  lag: z.coerce.number(),
});

/** Rows so far behind the newest sealed one are left to `verify`: looking at all of them costs seconds. */
const LAG_WINDOW = 10_000;

/** How far the sealer is behind, cheap enough for a metric. */
export async function sealingLag(db: Queryable): Promise<{ size: number; unsealed: number; lagSeconds: number }> {
  const row = await rowOf(
    db,
    lagRow,
    `with sealed as (
       select coalesce(max(index) + 1, 0) as size from audit_seal
     ), last as (
       select coalesce((select entry from audit_seal order by index desc limit 1), 0) as entry
     )
     select (select size from sealed) as size, count(*) as unsealed,
       greatest(0, coalesce(extract(epoch from now() - min(e.occurred_at)), 0)) as lag
     from audit_entry e, last
     -- Not an anti join: the planner would hash every seal to find a handful.
     where e.id > last.entry - $1 and (select s.entry from audit_seal s where s.entry = e.id) is null`,
    [LAG_WINDOW],
  );
  if (!row) throw new Error('an aggregate answered no row');
  return { size: row.size, unsealed: row.unsealed, lagSeconds: row.lag };
}

export async function auditStateOf(db: Queryable, origin: string): Promise<AuditState> {
  const newest = await newestCheckpoint(db);
  const keys = await rowsOf(db, z.object({ vkey: z.string() }), 'select vkey from audit_key order by added_at, vkey');
  const { unsealed, lagSeconds } = await sealingLag(db);
  return {
    origin,
    checkpoint: newest?.note ?? null,
    size: newest?.size ?? 0,
    keys: keys.map(({ vkey }) => vkey),
    unsealed,
    lagSeconds,
  };
}
