import type { CompactRange } from './compact-range.js';
import type { Fault } from './findings.js';

/** One entry of a stretch of the log whose root came out wrong. */
export interface SuspectLeaf {
  index: number;
  row: number;
  entryId: string | null;
  leaf: Buffer;
  /** What the stored tile holds at this place, null when no full tile covers it. */
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

function byTile({ suspects, following }: Stretch): Diagnosis | null {
  const at = suspects.findIndex(({ leaf, tile }) => tile !== null && !leaf.equals(tile));
  const first = suspects[at];
  if (!first?.tile) return null;
  const rest = [...suspects.slice(at + 1), ...(following ? [following] : [])];
  const [next] = rest;
  if (next?.leaf.equals(first.tile) && !next.tile?.equals(first.leaf))
    return named(
      'entry-inserted',
      first,
      'the stored tile knows nothing of this entry and holds the next one in its place',
    );
  if (next?.tile?.equals(first.leaf) && !next.leaf.equals(first.tile))
    return named('entry-missing', first, 'the stored tile holds another entry here, followed by this one');
  const other = rest.find(({ leaf, tile }) => first.tile && leaf.equals(first.tile) && tile?.equals(first.leaf));
  if (other)
    return first.row > other.row
      ? named('seal-order-changed', first, `the indexes ${first.index} and ${other.index} were exchanged`)
      : named('entries-swapped', first, `the entries at ${first.index} and ${other.index} were exchanged`);
  return named('leaf-rewritten', first, 'entry, hash and seal were all changed; the stored tile holds the sealed hash');
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
