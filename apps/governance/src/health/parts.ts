export type PartStatus = 'up' | 'degraded' | 'down';

export interface PartState {
  status: PartStatus;
  since: Date;
  reason?: string;
}

/** The last state of each part, and since when it is so. */
export class PartStates {
  readonly #states = new Map<string, PartState>();
  readonly #now: () => Date;

  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  /** Records what is seen now; the time stays while the status does. */
  see(name: string, status: PartStatus, reason?: string): PartState {
    const before = this.#states.get(name);
    const since = before?.status === status ? before.since : this.#now();
    const state = { status, since, ...(reason === undefined ? {} : { reason }) };
    this.#states.set(name, state);
    return state;
  }

  get(name: string): PartState | undefined {
    return this.#states.get(name);
  }
}
