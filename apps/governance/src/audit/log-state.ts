import {
  type Checkpoint,
  CompactRange,
  isSignedBy,
  type NoteVerifier,
  parseCheckpoint,
  TILE_WIDTH,
  TileBuilder,
} from '@scc/audit';
import type { Queryable } from '../database/rows.js';

/** The stored log does not continue from its newest checkpoint. Sealing on would cover up what happened. */
export class LogRefused extends Error {
  override readonly name = 'LogRefused';
}

/** All that is needed to append to the tree. */
export interface LogState {
  range: CompactRange;
  tiles: TileBuilder;
  /** The newest checkpoint, null in an empty log. */
  newest: Checkpoint | null;
}

/**
 * Loads the right edge of the tree and checks that the newest checkpoint signed it. The rest of it, the tiles
 * that are full and the entries, is not read: `verify` does that.
 * @throws LogRefused when it is not, or when no known key signed it.
 */
export async function loadLogState(db: Queryable, origin: string, keys: readonly NoteVerifier[]): Promise<LogState> {
  const [stored] = await db.query<{ note: string; compact_range: Buffer }[]>(
    'select note, compact_range from audit_checkpoint order by size desc limit 1',
  );
  const newest = stored ? parseCheckpoint(stored.note) : null;
  const range = newest && stored ? CompactRange.decode(newest.size, stored.compact_range) : CompactRange.empty();
  if (newest) requireOwn(newest, range, origin, keys);
  const [last] = await db.query<{ size: string }[]>('select coalesce(max(index) + 1, 0) as size from audit_seal');
  if (Number(last?.size) !== range.size)
    throw new LogRefused(`the newest checkpoint signs ${range.size} entries, ${last?.size ?? '?'} are sealed`);
  const partial = await loadPartialTiles(db, range.size);
  requireEdge(partial, range);
  return { range, tiles: new TileBuilder(range.size, partial), newest };
}

/** The nodes that fill no tile yet are the leaves of the subtrees whose roots make up the right edge. */
function requireEdge(partial: readonly Buffer[][], range: CompactRange): void {
  const edges = partial.map((nodes) => {
    const edge = CompactRange.empty();
    for (const node of nodes) edge.append(node);
    return edge.encode();
  });
  if (!Buffer.concat(edges.reverse()).equals(range.encode()))
    throw new LogRefused('the newest seals or tiles are not what the newest checkpoint signed');
}

function requireOwn(newest: Checkpoint, range: CompactRange, origin: string, keys: readonly NoteVerifier[]): void {
  if (newest.origin !== origin) throw new LogRefused(`the stored log is ${newest.origin}, this one is ${origin}`);
  if (!keys.some((key) => isSignedBy(newest, key)))
    throw new LogRefused('the newest checkpoint was not signed by the configured audit key or the one before it');
  if (!range.root().equals(newest.root)) throw new LogRefused('the stored tree does not have the root that was signed');
}

async function loadPartialTiles(db: Queryable, size: number): Promise<Buffer[][]> {
  const levels: Buffer[][] = [];
  for (let level = 0; size >= TILE_WIDTH ** level; level += 1)
    levels.push(await storedNodes(db, level, TileBuilder.partialSpan(level, size)));
  return levels;
}

/** Nodes that no full tile holds: leaves are in the seals, higher nodes are the roots of the tiles below. */
export async function storedNodes(
  db: Queryable,
  level: number,
  { start, end }: { start: number; end: number },
): Promise<Buffer[]> {
  const rows =
    level === 0
      ? await db.query<{ node: Buffer }[]>(
          'select leaf_hash as node from audit_seal where index >= $1 and index < $2 order by index',
          [start, end],
        )
      : await db.query<{ node: Buffer }[]>(
          'select root as node from audit_tile where level = $1 and index >= $2 and index < $3 order by index',
          [level - 1, start, end],
        );
  if (rows.length !== end - start) throw new LogRefused(`level ${level} of the stored tree has gaps`);
  return rows.map(({ node }) => node);
}
