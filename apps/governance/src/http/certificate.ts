import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createSecureContext, type Server } from 'node:tls';
import type { KubeClient } from '@scc/kube';
import type { Logger } from 'pino';
import { z } from 'zod';

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

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64').toString('utf8'));
const secretSchema = z.looseObject({ data: z.looseObject({ 'tls.crt': base64, 'tls.key': base64 }) });

/** The pair in a Secret, which the webhook's rotation keeps current. @throws Error when there is none */
export async function readSecretCertificate(
  client: Pick<KubeClient, 'get'>,
  { namespace, name }: { namespace: string; name: string },
): Promise<ServedCertificate> {
  const secret = await client.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
  const { 'tls.crt': cert, 'tls.key': key } = secretSchema.parse(secret).data;
  createSecureContext({ cert, key });
  return { cert, key };
}

const EVERY_MS = 10_000;

/**
 * Serves a certificate that was exchanged where it is kept without a restart; connections that are open go on. A pair that does
 * not fit, such as while it is being written, is looked at again.
 */
export function followCertificate(
  server: Server,
  { read, current, logger }: { read: () => Promise<ServedCertificate>; current: ServedCertificate; logger: Logger },
): { stop: () => Promise<void> } {
  let served = current;
  let last: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const found = await read();
    if (found.cert === served.cert && found.key === served.key) return;
    server.setSecureContext(found);
    served = found;
    logger.info('serving a new certificate');
  };
  const timer = setInterval(() => {
    last = look().catch((error: unknown) => logger.warn({ err: error }, 'reloading the certificate failed'));
  }, EVERY_MS);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      return last;
    },
  };
}
