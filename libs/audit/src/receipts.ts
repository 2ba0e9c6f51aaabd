import { parseCheckpoint } from './checkpoint.js';
import type { Findings } from './findings.js';
import { NoteError } from './note.js';

/** The receipt that a caller got when its entry was appended, kept outside the database. */
export interface HeldReceipt {
  entryId: string;
  leafHash: string;
  index: number | null;
  checkpoint: string | null;
}

/** Ticks off receipts while the log streams by. A receipt that is never met names a deleted entry. */
export class ReceiptCheck {
  private readonly open: Map<string, HeldReceipt>;
  private readonly byIndex: Map<number, HeldReceipt>;
  private readonly contradicted: number[] = [];

  constructor(
    receipts: readonly HeldReceipt[],
    private readonly findings: Findings,
  ) {
    this.open = new Map(receipts.map((receipt) => [receipt.leafHash, receipt]));
    this.byIndex = new Map(receipts.flatMap((receipt) => (receipt.index === null ? [] : [[receipt.index, receipt]])));
  }

  see(leaf: Buffer, index: number | null): void {
    if (this.open.size === 0 && this.byIndex.size === 0) return;
    const hex = leaf.toString('hex');
    const receipt = this.open.get(hex);
    this.open.delete(hex);
    if (index === null) return;
    const told = receipt?.index ?? index;
    if (receipt && told !== index)
      this.contradict(told, receipt, `the receipt places it at ${told}, the log at ${index}`);
    const promised = this.byIndex.get(index);
    if (promised && promised.leafHash !== hex)
      this.contradict(index, promised, 'the log holds another entry at this index than the receipt proves');
  }

  private contradict(index: number, { entryId }: HeldReceipt, message: string): void {
    this.contradicted.push(index);
    this.findings.add('receipt-contradicted', { index, entryId }, message);
  }

  /** The first index, from `from`, at which a receipt proves another entry. */
  firstContradiction(from: number): number | null {
    const inRange = this.contradicted.filter((index) => index >= from);
    return inRange.length > 0 ? Math.min(...inRange) : null;
  }

  /** A receipt of another log says nothing about this one; its checkpoint is named for that. */
  finish(origin: string): void {
    for (const { entryId, index, checkpoint } of this.open.values())
      if (checkpoint === null || (originOf(checkpoint) ?? origin) === origin)
        this.findings.add(
          'receipt-missing',
          { index, entryId },
          'a receipt proves this entry, the log does not hold it',
        );
  }
}

function originOf(checkpoint: string): string | null {
  try {
    return parseCheckpoint(checkpoint).origin;
  } catch (error) {
    if (error instanceof NoteError) return null;
    throw error;
  }
}
