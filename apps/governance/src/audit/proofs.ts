import {
  consistencySpans,
  EMPTY_ROOT,
  hashOfSpan,
  inclusionSpans,
  type LeafSpan,
  type ProvedEntry,
  splitHashes,
  TILE_WIDTH,
} from '@scc/audit';
import { z } from 'zod';
import { storedNodes } from './log-state.js';
import { type Queryable, rowOf } from '../database/rows.js';

/** Reads nodes from a full tile where there is one, else from what is not in a tile yet; each once. */
function rememberedNodes(db: Queryable): (level: number, span: LeafSpan) => Promise<Buffer[]> {
  const tiles = new Map<string, Promise<Buffer[] | null>>();
  const partial = new Map<string, Promise<Buffer[]>>();
  const remember = <Value>(known: Map<string, Promise<Value>>, key: string, ask: () => Promise<Value>) => {
    const asked = known.get(key) ?? ask();
    known.set(key, asked);
    return asked;
  };
  return async (level, span) => {
    const index = Math.floor(span.start / TILE_WIDTH);
    const tile = await remember(tiles, `${level}/${index}`, () => tileOf(db, level, index));
    const first = span.start % TILE_WIDTH;
    if (tile) return tile.slice(first, first + span.end - span.start);
    return remember(partial, `${level}/${span.start}/${span.end}`, () => storedNodes(db, level, span));
  };
}

async function tileOf(db: Queryable, level: number, index: number): Promise<Buffer[] | null> {
  const [tile] = await db.query<{ hashes: Buffer }[]>('select hashes from audit_tile where level = $1 and index = $2', [
    level,
    index,
  ]);
  return tile ? splitHashes(tile.hashes) : null;
}

function hashesOf(db: Queryable, spans: readonly LeafSpan[]): Promise<Buffer[]> {
  const nodes = rememberedNodes(db);
  return Promise.all(spans.map((span) => hashOfSpan(span, nodes)));
}

/**
 * The hashes that prove, to a holder of a checkpoint of `size`, that the entry at `index` is in it.
 * @throws RangeError when it is not.
 */
export const inclusionProof = (db: Queryable, index: number, size: number): Promise<Buffer[]> =>
  hashesOf(db, inclusionSpans(index, size));

const newestRow = z.object({ size: z.coerce.number(), note: z.string() });

/** The newest signed checkpoint with its size; undefined in an empty log. */
export const newestCheckpoint = (db: Queryable): Promise<{ size: number; note: string } | undefined> =>
  rowOf(db, newestRow, 'select size, note from audit_checkpoint order by size desc limit 1');

/** An entry as it is stored, as far as a proof shows it. */
export const provableRow = z.object({
  entry_id: z.string(),
  body: z.instanceof(Buffer),
  leaf_hash: z.instanceof(Buffer),
  index: z.coerce.number().nullable(),
});

/** The entries with what proves that the tree of `size` entries holds each. */
export async function proveEntries(
  db: Queryable,
  rows: readonly z.infer<typeof provableRow>[],
  size: number,
): Promise<ProvedEntry[]> {
  const prove = inclusionProver(db, size);
  const entries: ProvedEntry[] = [];
  for (const row of rows) {
    // An entry that was sealed after the checkpoint was read has no proof against it.
    const index = row.index !== null && row.index < size ? row.index : null;
    const path = index === null ? null : await prove(index);
    entries.push({
      entryId: row.entry_id,
      body: row.body.toString('base64'),
      leafHash: row.leaf_hash.toString('hex'),
      index,
      path: path?.map((hash) => hash.toString('hex')) ?? null,
    });
  }
  return entries;
}

/** The same for many entries, each by its index: what they share is read and hashed once. */
function inclusionProver(db: Queryable, size: number): (index: number) => Promise<Buffer[]> {
  const nodes = rememberedNodes(db);
  const hashes = new Map<string, Promise<Buffer>>();
  const hashOf = (span: LeafSpan): Promise<Buffer> => {
    const key = `${span.start}/${span.end}`;
    const known = hashes.get(key) ?? hashOfSpan(span, nodes);
    hashes.set(key, known);
    return known;
  };
  return (index) => Promise.all(inclusionSpans(index, size).map(hashOf));
}

/**
 * The hashes that prove that the log of `first` entries is the beginning of the log of `second`.
 * @throws RangeError when `first` is larger.
 */
export const consistencyProof = (db: Queryable, first: number, second: number): Promise<Buffer[]> =>
  hashesOf(db, consistencySpans(first, second));

/**
 * The root that the stored log has at a size.
 * @throws RangeError or LogRefused when it has fewer entries.
 */
export const rootAt = (db: Queryable, size: number): Promise<Buffer> =>
  size === 0 ? Promise.resolve(EMPTY_ROOT) : hashOfSpan({ start: 0, end: size }, rememberedNodes(db));
