const BATCH = 500;

/**
 * Hands hints over in batches, the next when the one before was taken, so that a receiver that is busy is not buried.
 * What exceeds the capacity is dropped: tracking finds those pods by itself.
 */
export class HintBatches<Hint> {
  #waiting: Hint[] = [];
  #isAway = false;

  constructor(
    private readonly options: {
      readonly capacity: number;
      readonly send: (batch: readonly Hint[]) => void;
      readonly onDropped: () => void;
    },
  ) {}

  /** Never blocks and never throws. */
  add(hint: Hint): void {
    if (this.#waiting.length >= this.options.capacity) {
      this.options.onDropped();
      return;
    }
    this.#waiting.push(hint);
    this.#sendNext();
  }

  /** The receiver has taken the last batch. */
  taken(): void {
    this.#isAway = false;
    this.#sendNext();
  }

  #sendNext(): void {
    if (this.#isAway || this.#waiting.length === 0) return;
    this.#isAway = true;
    this.options.send(this.#waiting.splice(0, BATCH));
  }
}
