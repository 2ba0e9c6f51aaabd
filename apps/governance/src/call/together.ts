interface Look<Value> {
  running: Promise<Value>;
  /** For those that came since it began; null while there are none. */
  next: Promise<Value> | null;
}

/**
 * Answers equal questions that come together by one look. A question never gets the answer of a look that began before
 * it was asked: those that come during one share the next, so nobody reads less than was written before they asked.
 */
export class Together<Value> {
  readonly #looks = new Map<string, Look<Value>>();

  /** @param look is called for one of those that ask the same */
  ask(key: string, look: () => Promise<Value>): Promise<Value> {
    const known = this.#looks.get(key);
    if (!known) return this.#begin(key, look);
    const again = (): Promise<Value> => this.#begin(key, look);
    return (known.next ??= known.running.then(again, again));
  }

  #begin(key: string, look: () => Promise<Value>): Promise<Value> {
    const own: Look<Value> = { running: look(), next: null };
    this.#looks.set(key, own);
    const forget = (): void => {
      if (own.next === null) this.#looks.delete(key);
    };
    own.running.then(forget, forget);
    return own.running;
  }

  get size(): number {
    return this.#looks.size;
  }
}
