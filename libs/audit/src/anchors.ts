import { type Checkpoint, parseCheckpoint } from './checkpoint.js';
import type { Findings } from './findings.js';
import type { KeySchedule } from './keys.js';
import { isSignedBy, NoteError, type NoteVerifier } from './note.js';

/** A checkpoint that was kept where the database cannot reach it. */
export interface Anchor {
  /** Where it was kept, for the message: `ConfigMap scc-system/scc-audit-anchor`. */
  source: string;
  note: string;
}

interface Witness {
  source: string;
  checkpoint: Checkpoint;
  /** The root that the log really has at this size, null while the log has not reached it. */
  seen: Buffer | null;
}

/** Findings of the rest of the verification. */
interface LogAsSeen {
  size: number;
  origin: string;
  keys: KeySchedule;
  pinned: readonly NoteVerifier[];
  /** The first entry, from the given index on, that other evidence names; null when there is none. */
  blame: (from: number) => number | null;
}

/** Compares the log with checkpoints from outside: a rewritten, forked or rolled-back log contradicts them. */
export class AnchorCheck {
  private readonly witnesses: Witness[];
  private next = 0;

  constructor(
    anchors: readonly Anchor[],
    private readonly findings: Findings,
  ) {
    const distinct = new Map(anchors.map((anchor) => [anchor.note, anchor]));
    this.witnesses = [...distinct.values()]
      .flatMap((anchor) => this.read(anchor))
      .toSorted((a, b) => a.checkpoint.size - b.checkpoint.size);
  }

  private read({ source, note }: Anchor): Witness[] {
    try {
      return [{ source, checkpoint: parseCheckpoint(note), seen: null }];
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      this.findings.add('anchor-unusable', {}, `${source}: ${error.message}`);
      return [];
    }
  }

  /** To be called for every size that the log passes, in order. */
  see(size: number, root: () => Buffer): void {
    for (let at = this.witnesses[this.next]; at?.checkpoint.size === size; at = this.witnesses[this.next]) {
      at.seen = root();
      this.next += 1;
    }
  }

  finish(log: LogAsSeen): void {
    const { size, blame } = log;
    const usable = this.witnesses.filter((witness) => this.isUsable(witness, log));
    const split = new Set(this.findSplits(usable));
    let confirmed = 0;
    for (const witness of usable) {
      const { checkpoint, seen, source } = witness;
      if (checkpoint.size > size)
        this.findings.add(
          'rolled-back',
          { index: size },
          `${source} saw ${checkpoint.size} entries, the log has ${size}: its end was removed or an old copy was restored`,
        );
      else if (!seen || split.has(checkpoint.size)) continue;
      else if (seen.equals(checkpoint.root)) confirmed = checkpoint.size;
      else
        this.findings.add(
          'history-rewritten',
          { index: blame(confirmed) ?? confirmed },
          `the log contradicts ${source} at size ${checkpoint.size}; up to ${confirmed} it was confirmed`,
        );
    }
  }

  private isUsable({ checkpoint, source }: Witness, { origin, keys, pinned }: LogAsSeen): boolean {
    const expected = keys.keyFor(checkpoint.size);
    const accepted = expected ? [expected, ...pinned] : pinned;
    if (checkpoint.origin === origin && accepted.some((key) => isSignedBy(checkpoint, key))) return true;
    const reason = checkpoint.origin === origin ? 'no trusted key signed it' : `it is of the log ${checkpoint.origin}`;
    this.findings.add('anchor-unusable', {}, `${source}: ${reason}`);
    return false;
  }

  /** Two witnesses, one size, two roots: the signer showed different logs to different people. */
  private findSplits(usable: readonly Witness[]): number[] {
    return usable.flatMap(({ checkpoint, source }, at) => {
      const before = usable[at - 1];
      if (before?.checkpoint.size !== checkpoint.size || before.checkpoint.root.equals(checkpoint.root)) return [];
      this.findings.add(
        'split-view',
        { index: usable.findLast((one) => one.checkpoint.size < checkpoint.size)?.checkpoint.size ?? 0 },
        `${before.source} and ${source} hold signed checkpoints of ${checkpoint.size} entries with different roots`,
      );
      return [checkpoint.size];
    });
  }
}
