import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './hashing.js';

/** A compact range that does not fit its tree size: the bytes were altered or cut. */
export class CompactRangeError extends Error {
  override readonly name = 'CompactRangeError';
}

/** A tile holds 2^8 leaves. */
const TILE_HEIGHT = 8;

/**
 * The right edge of a Merkle tree: the roots of the perfect subtrees that make up its leaves, largest first. It is all
 * that appending needs, log2(size) hashes however long the log.
 */
export class CompactRange {
  private constructor(
    private leaves: number,
    private readonly nodes: Buffer[],
  ) {}

  /** The root of the newest 256 leaves that make up a subtree of their own: what a tile holds. */
  private fullRoot: Buffer | null = null;

  get tileRoot(): Buffer | null {
    return this.fullRoot;
  }

  static empty(): CompactRange {
    return new CompactRange(0, []);
  }

  /** @throws CompactRangeError when the bytes are not one hash per set bit of `size`. */
  static decode(size: number, bytes: Uint8Array): CompactRange {
    const count = size.toString(2).replaceAll('0', '').length;
    if (!Number.isSafeInteger(size) || size < 0 || bytes.length !== count * HASH_BYTES)
      throw new CompactRangeError(`a tree of ${size} leaves has ${count} nodes, not ${bytes.length} bytes`);
    const buffer = Buffer.from(bytes);
    return new CompactRange(
      size,
      Array.from({ length: count }, (_none, at) => buffer.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)),
    );
  }

  encode(): Buffer {
    return Buffer.concat(this.nodes);
  }

  get size(): number {
    return this.leaves;
  }

  clone(): CompactRange {
    return new CompactRange(this.leaves, [...this.nodes]);
  }

  append(leaf: Buffer): void {
    let node = leaf;
    let height = 0;
    // Each trailing one bit of the size is a finished subtree as large as the one that just got full.
    for (let rest = this.leaves; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.nodes.pop();
      if (!left) throw new CompactRangeError('a compact range lost a node');
      node = nodeHash(left, node);
      height += 1;
      if (height === TILE_HEIGHT) this.fullRoot = node;
    }
    this.nodes.push(node);
    this.leaves += 1;
  }

  root(): Buffer {
    return (
      this.nodes.reduceRight<Buffer | undefined>((right, left) => (right ? nodeHash(left, right) : left), undefined) ??
      EMPTY_ROOT
    );
  }
}

/** The root of a tree with these leaves. */
export function rootOf(leaves: Iterable<Buffer>): Buffer {
  const range = CompactRange.empty();
  for (const leaf of leaves) range.append(leaf);
  return range.root();
}
