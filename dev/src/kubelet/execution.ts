/** How a container ended. */
export interface End {
  exitCode: number;
  reason: string;
  message?: string;
}

/** The traces of a killed container. */
export const KILLED: End = { exitCode: 137, reason: 'Error' };
/** The traces of a container that took more memory than its limit. */
export const OUT_OF_MEMORY: End = { exitCode: 137, reason: 'OOMKilled' };

/** One run of a container. */
export interface Execution {
  ended: Promise<End>;
  /** Asks it to end, and kills it when it does not within its grace; resolves when it has ended. */
  stop: (graceMs: number) => Promise<void>;
  /** Ends it at once. */
  kill: (end?: End) => void;
  signal: (signal: NodeJS.Signals) => void;
}

/** A container whose image is known. */
export interface Runnable {
  /** The image's own user. */
  uid: number;
  /** How often its probes are asked until they first pass, in milliseconds; absent: as often as they say. */
  eagerMs?: number;
  /** Makes what has to be there before a start. @throws MissingReference while that is not possible */
  prepare: () => Promise<void>;
  /** @throws Error with what a container says that ends before it serves */
  start: () => Promise<Execution>;
}
