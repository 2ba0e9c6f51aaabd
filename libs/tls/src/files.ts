import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '@scc/runtime';
import { checkPair, type KeyPair } from './chain.js';

const FILES = { certificate: 'tls.crt', key: 'tls.key', authorities: 'ca.crt' } as const;
/** Mounted Secrets change by a symbolic link, which not every file system tells. */
const POLL_MS = 10_000;
/** The three files are not written in one moment. */
const SETTLE_MS = 200;

async function readPair(folder: string): Promise<KeyPair> {
  const [certificate, key, authorities] = await Promise.all([
    readFile(path.join(folder, FILES.certificate), 'utf8'),
    readFile(path.join(folder, FILES.key), 'utf8'),
    readFile(path.join(folder, FILES.authorities), 'utf8').catch(() => ''),
  ]);
  return { certificate, key, authorities };
}

export interface CertificateSource {
  readonly current: KeyPair;
  stop(): Promise<void>;
}

interface Options {
  readonly folder: string;
  readonly onChange: (pair: KeyPair) => void;
  readonly onFailure: () => void;
  readonly logger: Logger;
  readonly pollMs?: number;
}

/**
 * Serves the certificate in a folder that somebody else keeps current, such as cert-manager. A pair that does not fit
 * together is not taken over; the one before it stays.
 * @throws Error when there is no usable pair at the start
 */
export async function followFiles({
  folder,
  onChange,
  onFailure,
  logger,
  pollMs,
}: Options): Promise<CertificateSource> {
  let current = await readPair(folder);
  checkPair(current);
  let reading: Promise<void> = Promise.resolve();
  const reload = async (): Promise<void> => {
    try {
      const found = await readPair(folder);
      if (JSON.stringify(found) === JSON.stringify(current)) return;
      checkPair(found);
      current = found;
      onChange(found);
      logger.info({ folder }, 'the serving certificate was loaded again');
    } catch (error) {
      onFailure();
      logger.warn({ err: error, folder }, 'the serving certificate cannot be loaded; the one before it stays');
    }
  };
  let settling: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      reading = reading.then(reload);
    }, SETTLE_MS);
  };
  const watcher = watchFolder(folder, soon, logger);
  const timer = setInterval(soon, pollMs ?? POLL_MS);
  return {
    get current() {
      return current;
    },
    stop: async () => {
      clearInterval(timer);
      clearTimeout(settling);
      watcher?.close();
      await reading;
    },
  };
}

function watchFolder(folder: string, onEvent: () => void, logger: Logger): FSWatcher | undefined {
  try {
    const watcher = watch(folder, onEvent);
    watcher.on('error', (error) => logger.debug({ err: error, folder }, 'a folder is not watched, only polled'));
    return watcher;
  } catch (error) {
    logger.debug({ err: error, folder }, 'a folder is not watched, only polled');
    return undefined;
  }
}
