import type { CheckpointRecord } from './export.js';
import type { Findings } from './findings.js';

/** Compares what only sealers read of a log: the edge of the tree that they go on from, and who sealed. */
export class SealerCheck {
  private last = Number.MIN_SAFE_INTEGER;
  private readonly known: ReadonlySet<number>;

  constructor(
    sealers: readonly number[],
    private readonly findings: Findings,
  ) {
    this.known = new Set(sealers);
  }

  /** @param edge of the tree with so many leaves; null where it cannot be computed */
  see({ size, edge, sealer, foreign }: CheckpointRecord, computed: Buffer | null): void {
    const wrong = (message: string): void =>
      this.findings.add('checkpoint-replaced', { index: size - 1 }, `the checkpoint of size ${size} ${message}`);
    if (computed && !edge?.equals(computed)) wrong('is kept with another edge of the tree than it signed');
    if (sealer === undefined || !this.known.has(sealer)) wrong(`is of the sealer ${sealer ?? '?'}, which is not there`);
    else if (sealer < this.last)
      wrong(`is of the sealer ${sealer}, and one before it of the later sealer ${this.last}`);
    if (foreign !== undefined) wrong(`is of the sealer ${sealer ?? '?'}, and the seal ${foreign} of another one`);
    this.last = Math.max(this.last, sealer ?? this.last);
  }
}
