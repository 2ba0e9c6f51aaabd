import type { CompactRange } from './compact-range.js';
import type { Fault } from './findings.js';

/** One entry of a stretch of the log whose root came out wrong. */
export interface SuspectLeaf {
  index: number;
  row: number;
  entryId: string | null;
  leaf: Buffer;
  /** The hash that the stored tile holds at this place, null when no full tile covers it. */
  tile: Buffer | null;
}

export interface Stretch {
  /** The tree before the stretch, which a valid checkpoint confirmed. */
  base: CompactRange;
  suspects: readonly SuspectLeaf[];
  /** The leaf after the stretch: an inserted entry pushed it out. */
  following: SuspectLeaf | null;
  /** The root that was signed for the end of the stretch. */
  root: Buffer;
}

export interface Diagnosis {
  fault: Fault;
  index: number;
  entryId: string | null;
  message: string;
}

/** Trying every entry as the inserted one costs a tree each. */
const MAX_TRIALS = 2_000;

/** Finds out what was done to a stretch of which only the root shows that something was. */
export function diagnose(stretch: Stretch): Diagnosis {
  return byTile(stretch) ?? byRowOrder(stretch) ?? byRemoval(stretch) ?? unexplained(stretch);
}

const hasRoot = ({ base, root }: Stretch, leaves: readonly SuspectLeaf[]): boolean => {
  const range = base.clone();
  for (const { leaf } of leaves) range.append(leaf);
  return range.root().equals(root);
};

const named = (fault: Fault, { index, entryId }: SuspectLeaf, message: string): Diagnosis => ({
  fault,
  index,
  entryId,
  message,
});

type Tiled = SuspectLeaf & { tile: Buffer };
const isTiled = (suspect: SuspectLeaf): suspect is Tiled => suspect.tile !== null;

function byTile({ suspects, following }: Stretch): Diagnosis | null {
  const first = suspects.filter(isTiled).find(({ leaf, tile }) => !leaf.equals(tile));
  if (!first) return null;
  const rest = [...suspects.slice(suspects.indexOf(first) + 1), ...(following ? [following] : [])];
  return byShift(first, rest[0]) ?? byExchange(first, rest);
}

/** An inserted entry pushes the following ones back by one place, a removed one pulls them forward. */
function byShift(first: Tiled, next: SuspectLeaf | undefined): Diagnosis | null {
  const nextIsHere = next?.leaf.equals(first.tile) ?? false;
  const hereIsNext = next?.tile?.equals(first.leaf) ?? false;
  if (nextIsHere && !hereIsNext)
    return named('entry-inserted', first, 'the stored tile holds the next entry in this place');
  if (hereIsNext && !nextIsHere)
    return named('entry-missing', first, 'the stored tile holds another entry before this one');
  return null;
}

function byExchange(first: Tiled, rest: readonly SuspectLeaf[]): Diagnosis {
  const other = rest.find(({ leaf, tile }) => leaf.equals(first.tile) && tile?.equals(first.leaf));
  if (!other)
    return named(
      'leaf-rewritten',
      first,
      'entry, hash and seal were all changed; the stored tile holds the sealed hash',
    );
  return named(
    first.row > other.row ? 'seal-order-changed' : 'entries-swapped',
    first,
    `exchanged with the entry at ${other.index}`,
  );
}

/** The sealer orders a batch by row: an order that does, and gives the signed root, is the one that was sealed. */
function byRowOrder(stretch: Stretch): Diagnosis | null {
  const ordered = stretch.suspects.toSorted((a, b) => a.row - b.row);
  const first = stretch.suspects.find((suspect, at) => suspect !== ordered[at]);
  if (!first || !hasRoot(stretch, ordered)) return null;
  return named('seal-order-changed', first, 'ordered by row, the entries have the signed root: indexes were exchanged');
}

function byRemoval(stretch: Stretch): Diagnosis | null {
  const { suspects, following } = stretch;
  if (!following || suspects.length > MAX_TRIALS) return null;
  const inserted = suspects.find((_suspect, at) => hasRoot(stretch, [...suspects.toSpliced(at, 1), following]));
  return inserted ? named('entry-inserted', inserted, 'without this entry the log has the signed root') : null;
}

function unexplained({ base, suspects }: Stretch): Diagnosis {
  const end = base.size + suspects.length;
  return {
    fault: 'root-mismatch',
    index: base.size,
    entryId: suspects[0]?.entryId ?? null,
    message: `the signed root does not belong to these entries; the first bad one is between ${base.size} and ${end - 1}`,
  };
}
