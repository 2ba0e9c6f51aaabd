import type { Fault, Findings } from './findings.js';

interface Mismatch {
  index: number;
  entryId: string;
  row: number;
  leaf: Buffer;
  sealed: Buffer;
  fault: Fault;
  message: string;
}

/** Beyond this many bad entries it does not matter which of them changed places. */
const MAX_KEPT = 10_000;

/** Tells two entries that changed places from two entries that were edited: that shows only when both have been seen. */
export class SwapCheck {
  private readonly mismatches: Mismatch[] = [];
  private readonly byLeaf = new Map<string, Mismatch>();

  constructor(private readonly findings: Findings) {}

  see(mismatch: Mismatch): void {
    if (this.mismatches.length >= MAX_KEPT) {
      this.findings.add(mismatch.fault, mismatch, mismatch.message);
      return;
    }
    this.mismatches.push(mismatch);
    this.byLeaf.set(mismatch.leaf.toString('hex'), mismatch);
  }

  finish(): void {
    for (const mismatch of this.mismatches) {
      const { index, entryId, sealed, leaf, row } = mismatch;
      const other = this.byLeaf.get(sealed.toString('hex'));
      const isSwapped = other?.sealed.equals(leaf) === true;
      if (!isSwapped) this.findings.add(mismatch.fault, { index, entryId }, mismatch.message);
      else if (index < other.index)
        // A seal that points at the other row leaves the rows out of order; bodies that changed rows do not.
        this.findings.add(
          row > other.row ? 'seal-order-changed' : 'entries-swapped',
          { index, entryId },
          `exchanged with the entry at ${other.index}`,
        );
    }
  }
}
