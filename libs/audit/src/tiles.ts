import { HASH_BYTES, nodeHash } from './hashing.js';
import type { LeafSpan } from './proofs.js';

/** A tile holds the 256 nodes of one tree level that share an ancestor eight levels up (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

export interface Tile {
  level: number;
  index: number;
  hashes: readonly Buffer[];
  root: Buffer;
}

/** Cuts a growing tree into tiles: holds, per level, the nodes that do not fill a tile yet. */
export class TileBuilder {
  /** @param partial per level, the nodes after the last full tile; @param size the leaves of the tree so far */
  constructor(
    private size: number,
    private readonly partial: Buffer[][],
  ) {}

  /** The nodes that a level of a tree has beyond its last full tile. */
  static partialSpan(level: number, size: number): LeafSpan {
    const end = Math.floor(size / TILE_WIDTH ** level);
    return { start: end - (end % TILE_WIDTH), end };
  }

  /** Adds a leaf; returns the tiles that it completes, lowest level first. */
  append(leaf: Buffer): Tile[] {
    this.size += 1;
    const full: Tile[] = [];
    let node = leaf;
    for (let level = 0; ; level += 1) {
      const nodes = (this.partial[level] ??= []);
      nodes.push(node);
      if (nodes.length < TILE_WIDTH) return full;
      this.partial[level] = [];
      node = rootOfNodes(nodes);
      full.push({ level, index: this.size / TILE_WIDTH ** (level + 1) - 1, hashes: nodes, root: node });
    }
  }
}

/** The root of a perfect subtree given its nodes at one level; their number is a power of two. */
export function rootOfNodes(nodes: readonly Buffer[]): Buffer {
  let row = nodes;
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_none, at) => nodeHash(hashAt(row, 2 * at), hashAt(row, 2 * at + 1)));
  return hashAt(row, 0);
}

function hashAt(nodes: readonly Buffer[], at: number): Buffer {
  const node = nodes[at];
  if (!node) throw new RangeError(`a tile has no node ${at}`);
  return node;
}

/** @throws RangeError when the bytes are not whole hashes. */
export function splitHashes(bytes: Uint8Array): Buffer[] {
  if (bytes.length % HASH_BYTES !== 0) throw new RangeError(`${bytes.length} bytes are not whole hashes`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / HASH_BYTES }, (_none, at) =>
    buffer.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

/**
 * Where the hashes of a stored tree come from: the nodes `start` up to `end` of the tree level that tile level `level`
 * begins with (0: leaves, 1: roots of 256 leaves, …). They never cross the border of a tile.
 */
export type NodeSource = (level: number, span: LeafSpan) => Promise<readonly Buffer[]>;

/** The hash of a span as RFC 6962 splits a tree; the source must hold all its leaves. */
export async function hashOfSpan(span: LeafSpan, source: NodeSource): Promise<Buffer> {
  const hashes = await Promise.all(
    perfectSubtrees(span).map(async ({ start, height }) => {
      const level = Math.floor(height / TILE_HEIGHT);
      const first = start / TILE_WIDTH ** level;
      return rootOfNodes(await source(level, { start: first, end: first + 2 ** (height % TILE_HEIGHT) }));
    }),
  );
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

function perfectSubtrees({ start, end }: LeafSpan): { start: number; height: number }[] {
  const subtrees: { start: number; height: number }[] = [];
  for (let at = start; at < end;) {
    let height = 0;
    while (at % 2 ** (height + 1) === 0 && at + 2 ** (height + 1) <= end) height += 1;
    subtrees.push({ start: at, height });
    at += 2 ** height;
  }
  return subtrees;
}
