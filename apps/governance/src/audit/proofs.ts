import {
  consistencySpans,
  EMPTY_ROOT,
  hashOfSpan,
  HASH_BYTES,
  inclusionSpans,
  type LeafSpan,
  splitHashes,
  TILE_WIDTH,
} from '@scc/audit';
import { storedNodes } from './log-state.js';
import type { Queryable } from '../database/rows.js';

/** Reads nodes from a full tile where there is one, else from what is not in a tile yet. */
async function nodesOf(db: Queryable, level: number, span: LeafSpan): Promise<Buffer[]> {
  const index = Math.floor(span.start / TILE_WIDTH);
  const first = span.start % TILE_WIDTH;
  const [tile] = await db.query<{ hashes: Buffer }[]>(
    'select substring(hashes from $3 for $4) as hashes from audit_tile where level = $1 and index = $2',
    [level, index, first * HASH_BYTES + 1, (span.end - span.start) * HASH_BYTES],
  );
  return tile ? splitHashes(tile.hashes) : storedNodes(db, level, span);
}

const hashesOf = (db: Queryable, spans: readonly LeafSpan[]): Promise<Buffer[]> =>
  Promise.all(spans.map((span) => hashOfSpan(span, (level, nodes) => nodesOf(db, level, nodes))));

/**
 * The hashes that prove, to a holder of a checkpoint of `size`, that the entry at `index` is in it.
 * @throws RangeError when it is not.
 */
export const inclusionProof = (db: Queryable, index: number, size: number): Promise<Buffer[]> =>
  hashesOf(db, inclusionSpans(index, size));

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
  size === 0
    ? Promise.resolve(EMPTY_ROOT)
    : hashOfSpan({ start: 0, end: size }, (level, nodes) => nodesOf(db, level, nodes));
