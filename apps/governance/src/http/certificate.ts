import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createSecureContext, type Server } from 'node:tls';
import type { Logger } from 'pino';

/** What the API serves itself with. */
export interface ServedCertificate {
  /** PEM */
  cert: string;
  /** PEM */
  key: string;
}

/** @throws Error when the files are missing or do not belong together. */
export async function readCertificate(folder: string): Promise<ServedCertificate> {
  const [cert, key] = await Promise.all(
    ['tls.crt', 'tls.key'].map((file) => readFile(path.join(folder, file), 'utf8')),
  );
  if (cert === undefined || key === undefined) throw new Error('a key pair has two files');
  createSecureContext({ cert, key });
  return { cert, key };
}

const EVERY_MS = 10_000;

/**
 * Serves a certificate that was exchanged on disk without a restart; connections that are open go on. A pair that does
 * not fit, such as while it is being written, is looked at again.
 */
export function followCertificate(
  server: Server,
  { folder, current, logger }: { folder: string; current: ServedCertificate; logger: Logger },
): { stop: () => Promise<void> } {
  let served = current;
  let last: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const found = await readCertificate(folder);
    if (found.cert === served.cert && found.key === served.key) return;
    server.setSecureContext(found);
    served = found;
    logger.info('serving a new certificate');
  };
  const timer = setInterval(() => {
    last = look().catch((error: unknown) => logger.warn({ err: error }, 'the certificate could not be read again'));
  }, EVERY_MS);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      return last;
    },
  };
}
