import { parseUidRange } from './namespace.js';
import { MCS_ANNOTATION, SUPPLEMENTAL_GROUPS_ANNOTATION, UID_RANGE_ANNOTATION } from './names.js';

/** The ids 1,000,000,000 to 1,999,999,999 in blocks of 10,000, one block a namespace. */
const FIRST_ID = 1_000_000_000;
const BLOCK_SIZE = 10_000;
const BLOCKS = 100_000;
/** Labels are pairs out of 1024 categories; each namespace owns five of them and uses the first. */
const LABELS_PER_NAMESPACE = 5;

/** Pairs of categories in co-lexicographic order, higher category first. */
export function mcsLabel(rank: number): string {
  let high = Math.floor((1 + Math.sqrt(1 + 8 * rank)) / 2);
  while ((high * (high - 1)) / 2 > rank) high -= 1;
  return `s0:c${high},c${rank - (high * (high - 1)) / 2}`;
}

const blockText = (block: number): string => `${FIRST_ID + BLOCK_SIZE * block}/${BLOCK_SIZE}`;

/**
 * The blocks that a namespace's uid-range annotation occupies, also in part: a restored namespace may carry a foreign
 * range. Unreadable text and ranges elsewhere occupy none.
 */
export function occupiedBlocks(uidRange: string): number[] {
  let min: number;
  let max: number;
  try {
    ({ min, max } = parseUidRange(uidRange));
  } catch {
    return [];
  }
  const first = Math.max(0, Math.floor((min - FIRST_ID) / BLOCK_SIZE));
  const last = Math.min(BLOCKS - 1, Math.floor((max - FIRST_ID) / BLOCK_SIZE));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

export interface Allocation {
  readonly block: number;
  /** Only annotations that the namespace lacks. */
  readonly annotations: Readonly<Record<string, string>>;
}

function ownBlock(uidRange: string | undefined): number | undefined {
  const [block] = uidRange === undefined ? [] : occupiedBlocks(uidRange);
  return block;
}

function firstFree(occupied: ReadonlySet<number>): number | undefined {
  for (let block = 0; block < BLOCKS; block += 1) if (!occupied.has(block)) return block;
  return undefined;
}

/**
 * The annotations that SCC admission needs and the namespace lacks, from the lowest block that no other namespace
 * occupies. An existing annotation is never replaced: data on volumes belongs to its ids.
 *
 * @returns undefined when nothing is missing.
 * @throws RangeError when all 100,000 blocks are taken.
 */
export function allocateNamespace(
  existing: Readonly<Record<string, string>>,
  occupied: ReadonlySet<number>,
): Allocation | undefined {
  if (existing[UID_RANGE_ANNOTATION] && existing[MCS_ANNOTATION]) return undefined;
  const block = ownBlock(existing[UID_RANGE_ANNOTATION]) ?? firstFree(occupied);
  if (block === undefined) throw new RangeError('every block of user ids is taken');
  const uidRange = existing[UID_RANGE_ANNOTATION] ?? blockText(block);
  const complete = {
    [UID_RANGE_ANNOTATION]: uidRange,
    [SUPPLEMENTAL_GROUPS_ANNOTATION]: uidRange,
    [MCS_ANNOTATION]: mcsLabel(LABELS_PER_NAMESPACE * block),
  };
  const annotations = Object.fromEntries(Object.entries(complete).filter(([key]) => existing[key] === undefined));
  return { block, annotations };
}
