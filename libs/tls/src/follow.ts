import type { Logger } from '@scc/runtime';
import { checkPair, type KeyPair } from './chain.js';

/** A certificate that is exchanged where it is kept. */
export interface CertificateSource {
  readonly current: KeyPair;
  stop(): Promise<void>;
}

export interface FollowOptions {
  readonly onChange: (pair: KeyPair) => void;
  readonly onFailure?: () => void;
  readonly logger: Logger;
  /** How often it is looked at again, in milliseconds. */
  readonly pollMs?: number;
}

interface Place extends FollowOptions {
  readonly read: () => Promise<KeyPair>;
  /** For people: where the pair is kept. */
  readonly where: Readonly<Record<string, string>>;
  /** Tells that something changed there; what it returns ends that. */
  readonly listen?: (onEvent: () => void) => (() => void) | undefined;
}

/** A folder that is mounted changes by a symbolic link, which not every file system tells; a Secret tells nothing. */
const POLL_MS = 10_000;
/** The parts of a pair are not written in one moment. */
const SETTLE_MS = 200;

/**
 * Follows a pair wherever it is kept. One that does not fit together is not taken over; the one before it stays.
 * @throws Error when there is no usable pair at the start
 */
export async function followPair({
  read,
  where,
  listen,
  onChange,
  onFailure,
  logger,
  pollMs,
}: Place): Promise<CertificateSource> {
  let current = await read();
  checkPair(current);
  let reading: Promise<void> = Promise.resolve();
  const reload = async (): Promise<void> => {
    try {
      const found = await read();
      if (JSON.stringify(found) === JSON.stringify(current)) return;
      checkPair(found);
      current = found;
      onChange(found);
      logger.info(where, 'the serving certificate was loaded again');
    } catch (error) {
      onFailure?.();
      logger.warn({ err: error, ...where }, 'the serving certificate cannot be loaded; the one before it stays');
    }
  };
  let settling: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      reading = reading.then(reload);
    }, SETTLE_MS);
  };
  const unlisten = listen?.(soon);
  const timer = setInterval(soon, pollMs ?? POLL_MS);
  return {
    get current() {
      return current;
    },
    stop: async () => {
      clearInterval(timer);
      clearTimeout(settling);
      unlisten?.();
      await reading;
    },
  };
}
