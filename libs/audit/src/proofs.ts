import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './hashing.js';

/** Leaves `start` up to, not including, `end`: a subtree as RFC 6962 splits it. */
export interface LeafSpan {
  start: number;
  end: number;
}

/** The largest power of two below `size` (`size` ≥ 2): where RFC 6962 splits a tree. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function requireRange(condition: boolean, what: string): void {
  if (!condition) throw new RangeError(what);
}

/**
 * The subtrees whose hashes prove that leaf `index` is in the tree of `size` leaves, in the order of RFC 6962, 2.1.1.
 * @throws RangeError when the tree has no such leaf.
 */
export function inclusionSpans(index: number, size: number): LeafSpan[] {
  requireRange(
    Number.isSafeInteger(index) && index >= 0 && index < size,
    `a tree of ${size} leaves has no leaf ${index}`,
  );
  const path: LeafSpan[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      path.unshift({ start: middle, end });
      end = middle;
    } else {
      path.unshift({ start, end: middle });
      start = middle;
    }
  }
  return path;
}

/**
 * The subtrees whose hashes prove that the tree of `first` leaves is a prefix of the tree of `second`, in the order of
 * RFC 6962, 2.1.2. Empty when the sizes are equal or `first` is 0.
 * @throws RangeError when `first` is larger than `second`.
 */
export function consistencySpans(first: number, second: number): LeafSpan[] {
  requireRange(
    Number.isSafeInteger(first) && first >= 0 && first <= second,
    `no tree of ${first} leaves in one of ${second}`,
  );
  if (first === 0 || first === second) return [];
  const path: LeafSpan[] = [];
  let start = 0;
  let end = second;
  // `known` = the verifier holds the root of [start, end) because it is the whole first tree.
  let known = true;
  while (first !== end) {
    const middle = start + splitOf(end - start);
    if (first <= middle) {
      path.unshift({ start: middle, end });
      end = middle;
    } else {
      path.unshift({ start, end: middle });
      start = middle;
      known = false;
    }
  }
  return known ? path : [{ start, end }, ...path];
}

export interface InclusionClaim {
  index: number;
  size: number;
  leaf: Uint8Array;
  path: readonly Uint8Array[];
  root: Uint8Array;
}

const isHash = (bytes: Uint8Array): boolean => bytes.length === HASH_BYTES;
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const half = (value: number): number => Math.floor(value / 2);

/** Checks an inclusion proof (RFC 9162, 2.1.3.2). A path that is too short or too long proves nothing. */
export function verifyInclusion({ index, size, leaf, path, root }: InclusionClaim): boolean {
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  if (![leaf, root, ...path].every(isHash)) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && same(hash, root);
}

export interface ConsistencyClaim {
  first: number;
  second: number;
  firstRoot: Uint8Array;
  secondRoot: Uint8Array;
  path: readonly Uint8Array[];
}

/**
 * Checks a consistency proof (RFC 9162, 2.1.4.2). Every node of the path takes part in at least one of the two roots,
 * so none can be exchanged; equal sizes need equal roots and an empty path; the empty tree precedes every tree.
 */
export function verifyConsistency({ first, second, firstRoot, secondRoot, path }: ConsistencyClaim): boolean {
  if (!isSize(first) || !isSize(second) || first > second) return false;
  if (![firstRoot, secondRoot, ...path].every(isHash)) return false;
  if (first === second) return path.length === 0 && same(firstRoot, secondRoot);
  if (first === 0) return path.length === 0 && same(firstRoot, EMPTY_ROOT);
  const isPowerOfTwo = 2 ** Math.round(Math.log2(first)) === first;
  const [seed, ...rest] = isPowerOfTwo ? [firstRoot, ...path] : path;
  return seed !== undefined && foldConsistency({ first, second, firstRoot, secondRoot, path: rest }, seed);
}

function foldConsistency({ first, second, firstRoot, secondRoot, path }: ConsistencyClaim, seed: Uint8Array): boolean {
  let node = first - 1;
  let last = second - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let oldHash = seed;
  let newHash = seed;
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && same(oldHash, firstRoot) && same(newHash, secondRoot);
}
