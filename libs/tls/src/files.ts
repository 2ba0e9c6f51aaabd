import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '@scc/runtime';
import type { KeyPair } from './chain.js';
import { type CertificateSource, followPair, type FollowOptions } from './follow.js';

const FILES = { certificate: 'tls.crt', key: 'tls.key', authorities: 'ca.crt' } as const;

async function readPair(folder: string): Promise<KeyPair> {
  const [certificate, key, authorities] = await Promise.all([
    readFile(path.join(folder, FILES.certificate), 'utf8'),
    readFile(path.join(folder, FILES.key), 'utf8'),
    readFile(path.join(folder, FILES.authorities), 'utf8').catch(() => ''),
  ]);
  return { certificate, key, authorities };
}

/**
 * Serves the certificate in a folder that another program keeps current, such as cert-manager. A pair that does not fit
 * together is not taken over; the one before it stays.
 * @throws Error when there is no usable pair at the start
 */
export const followFiles = ({
  folder,
  ...options
}: FollowOptions & { readonly folder: string }): Promise<CertificateSource> =>
  followPair({
    ...options,
    read: () => readPair(folder),
    where: { folder },
    listen: (onEvent) => {
      const watcher = watchFolder(folder, onEvent, options.logger);
      return () => watcher?.close();
    },
  });

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
