import { z } from 'zod';
import { AUTHORITY_TABLES, type AuthorityRow, type AuthorityTable } from './authority/rows.js';
import type { AuditColumns } from './entry.js';
import { HASH_BYTES } from './hashing.js';

/**
 * The log as one stream, in this order: a header; every sealed entry by index, each checkpoint right after the entry
 * that completes its size, each tile right after its last leaf; checkpoints beyond the last entry; entries that are not
 * sealed yet; tables whose rows carry authority, each followed by all of its rows; an end record. In a file each record is
 * one line of JSON, bytes as base64, hashes as hex.
 */
export type LogRecord =
  LogHeader | SealedEntry | UnsealedEntry | TileRecord | CheckpointRecord | TableRecord | RowRecord | LogEnd;

export interface LogHeader {
  t: 'header';
  format: typeof EXPORT_FORMAT;
  origin: string;
  /** Public keys in their text form, oldest first. A claim: the verifier trusts the keys that it was given. */
  keys: readonly string[];
  exportedAt: string;
  /** Tiles of which levels follow. Absent in exports of earlier versions, which have those of level 0 alone. */
  tiles?: 'all' | undefined;
  /** Who sealed, in turn. Absent in exports of earlier versions, and with it what follows from it of each checkpoint. */
  sealers?: readonly number[] | undefined;
}

export interface EntryRow {
  /** The database's identity value of the row. */
  row: number;
  leaf: Buffer;
  body: Buffer;
  columns: AuditColumns;
}

export interface SealedEntry {
  t: 'entry';
  index: number;
  sealed: Buffer;
  /** The row that the seal names, null when there is no such row. */
  entry: EntryRow | null;
}

export interface UnsealedEntry {
  t: 'unsealed';
  entry: EntryRow;
}

/** A stored full tile: the hashes of 256 leaves, or of 256 tiles of the level below. */
export interface TileRecord {
  t: 'tile';
  /** Absent for 0, the level of the leaves. */
  level?: number | undefined;
  index: number;
  hashes: Buffer;
  /** Of the subtree of these leaves, as it is stored for proofs. Absent in exports of earlier versions. */
  root?: Buffer | undefined;
}

export interface CheckpointRecord {
  t: 'checkpoint';
  size: number;
  note: string;
  /** The right edge of the tree, from which a sealer goes on. */
  edge?: Buffer | undefined;
  sealer?: number | undefined;
  /** The first entry under it that another sealer has sealed. */
  foreign?: number | undefined;
}

/** All rows of this table follow. */
export interface TableRecord {
  t: 'table';
  table: AuthorityTable;
}

/** A row as it stood when the log was read, not an entry: what it says is compared with the entries. */
export interface RowRecord extends AuthorityRow {
  t: 'row';
}

export interface LogEnd {
  t: 'end';
  sealed: number;
  unsealed: number;
  checkpoints: number;
  /** Of tables that carry authority; an export without such tables has none. */
  rows: number;
}

export const EXPORT_FORMAT = 'scc-audit-export/1';

/** A line that is not a record of an export. */
export class ExportFormatError extends Error {
  override readonly name = 'ExportFormatError';
}

const count = z.int().min(0);
const hashText = z
  .string()
  .length(2 * HASH_BYTES)
  .transform((text) => Buffer.from(text, 'hex'));
const base64Text = z.string().transform((text) => Buffer.from(text, 'base64'));
const text = z.string();
const columnsSchema = z.tuple([text, text, text, text, text, text.nullable(), text.nullable(), text.nullable()]);
const rowSchema = z.object({ row: z.int(), leaf: hashText, body: base64Text, columns: columnsSchema });

const recordSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('entry'), index: count, sealed: hashText, entry: rowSchema.nullable() }),
  z.object({ t: z.literal('unsealed'), entry: rowSchema }),
  z.object({
    t: z.literal('tile'),
    level: count.optional(),
    index: count,
    hashes: base64Text,
    root: hashText.optional(),
  }),
  z.object({
    t: z.literal('checkpoint'),
    size: count,
    note: text,
    edge: base64Text.optional(),
    sealer: z.int().optional(),
    foreign: count.optional(),
  }),
  z.object({
    t: z.literal('header'),
    format: z.literal(EXPORT_FORMAT),
    origin: text,
    keys: z.array(text),
    exportedAt: z.iso.datetime(),
    tiles: z.literal('all').optional(),
    sealers: z.array(z.int()).optional(),
  }),
  z.object({ t: z.literal('table'), table: z.enum(AUTHORITY_TABLES) }),
  z.object({ t: z.literal('row'), table: z.enum(AUTHORITY_TABLES), key: text, holds: z.record(text, z.json()) }),
  z.object({ t: z.literal('end'), sealed: count, unsealed: count, checkpoints: count, rows: count.default(0) }),
]);

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isColumns = (value: unknown): value is AuditColumns =>
  Array.isArray(value) &&
  value.length === COLUMN_COUNT &&
  value.every((column, at) => isText(column) || (column === null && at >= REQUIRED_COLUMNS));
const COLUMN_COUNT = 8;
const REQUIRED_COLUMNS = 5;

/**
 * An entry as nearly every line of an export has one, null for any other value. By hand: it runs for each entry of a log;
 * what it does not take, the schema judges.
 */
function entryOf(value: unknown): SealedEntry | null {
  const { t, index, sealed, entry } = (value ?? {}) as Partial<Record<keyof SealedEntry, unknown>>;
  if (t !== 'entry' || !isCount(index) || !isText(sealed) || sealed.length !== 2 * HASH_BYTES) return null;
  const { row, leaf, body, columns } = (entry ?? {}) as Partial<Record<keyof EntryRow, unknown>>;
  if (!Number.isSafeInteger(row) || !isText(leaf) || leaf.length !== 2 * HASH_BYTES) return null;
  if (!isText(body) || !isColumns(columns)) return null;
  const bytes = { leaf: Buffer.from(leaf, 'hex'), body: Buffer.from(body, 'base64') };
  return { t, index, sealed: Buffer.from(sealed, 'hex'), entry: { row: row as number, ...bytes, columns } };
}

/** @throws ExportFormatError naming the line. */
export function parseExportLine(line: string, lineNumber: number): LogRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ExportFormatError(`line ${lineNumber} of the export is not JSON`);
  }
  const entry = entryOf(value);
  if (entry) return entry;
  const parsed = recordSchema.safeParse(value);
  if (!parsed.success)
    throw new ExportFormatError(`line ${lineNumber} of the export: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

const rowText = ({ row, leaf, body, columns }: EntryRow): object => ({
  row,
  leaf: leaf.toString('hex'),
  body: body.toString('base64'),
  columns,
});

/** One line, without the newline. */
export function formatExportLine(record: LogRecord): string {
  return JSON.stringify(printable(record));
}

function printable(record: LogRecord): object {
  switch (record.t) {
    case 'entry':
      return { ...record, sealed: record.sealed.toString('hex'), entry: record.entry && rowText(record.entry) };
    case 'unsealed':
      return { ...record, entry: rowText(record.entry) };
    case 'tile':
      return { ...record, hashes: record.hashes.toString('base64'), root: record.root?.toString('hex') };
    case 'checkpoint':
      return { ...record, edge: record.edge?.toString('base64') };
    case 'header':
    case 'table':
    case 'row':
    case 'end':
      return record;
  }
}
