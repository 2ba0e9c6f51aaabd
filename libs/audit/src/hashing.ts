import { createHash, hash } from 'node:crypto';

export const HASH_BYTES = 32;
const LEAF_PREFIX = Buffer.from([0x00]);

/** The root of the empty tree: SHA-256 of nothing (RFC 6962, 2.1). */
export const EMPTY_ROOT: Buffer = createHash('sha256').digest();

/** Hashing is synchronous, so that one buffer serves every call; a fresh one for each costs more than the copying. */
const scratch = Buffer.alloc(64 * 1024);
const nodeInput = Buffer.alloc(1 + 2 * HASH_BYTES, 0x01);

/** By way of a text of one character a byte: a buffer that Node makes for the answer costs twice as much as the hash. */
const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'binary'), 'binary');

/** SHA-256 of 0x00 and the entry (RFC 6962, 2.1). */
export function leafHash(entry: Uint8Array): Buffer {
  if (entry.length >= scratch.length) return sha256(Buffer.concat([LEAF_PREFIX, entry]));
  scratch[0] = 0x00;
  scratch.set(entry, 1);
  return sha256(scratch.subarray(0, 1 + entry.length));
}

/** SHA-256 of 0x01, the left and the right child (RFC 6962, 2.1). The prefixes keep a node from passing as a leaf. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('a node has two hashes below it');
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_BYTES);
  return sha256(nodeInput);
}
