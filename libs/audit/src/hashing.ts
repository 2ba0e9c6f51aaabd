import { createHash, hash } from 'node:crypto';

export const HASH_BYTES = 32;
const LEAF_PREFIX = Buffer.from([0x00]);

/** The root of the empty tree: SHA-256 of nothing (RFC 6962, 2.1). */
export const EMPTY_ROOT: Buffer = createHash('sha256').digest();

/** SHA-256 of 0x00 and the entry (RFC 6962, 2.1). */
export function leafHash(entry: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([LEAF_PREFIX, entry]), 'buffer');
}

/** SHA-256 of 0x01, the left and the right child (RFC 6962, 2.1). The prefixes keep a node from passing as a leaf. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  input[0] = 0x01;
  input.set(left, 1);
  input.set(right, 1 + HASH_BYTES);
  return hash('sha256', input, 'buffer');
}
