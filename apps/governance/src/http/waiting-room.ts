import { randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import { type Problem, problemType } from '@scc/governance-api';
import type { KeyPair } from '@scc/tls';

export interface WaitingRoom {
  /** Frees the port. */
  close: () => Promise<void>;
}

interface Options {
  host: string;
  port: number;
  keyPair: KeyPair;
  /** The object of the service's wait. */
  reason: () => string;
}

const RETRY_SECONDS = 2;

/**
 * Answers 503 with the reason until the database is reachable. The process must already be ready (its webhook serves),
 * and a 503 tells a caller more than a refused connection.
 */
export async function openWaitingRoom({ host, port, keyPair, reason }: Options): Promise<WaitingRoom> {
  const server = createServer({ key: keyPair.key, cert: keyPair.certificate }, (request, response) => {
    const requestId = randomUUID();
    const problem: Problem = {
      type: problemType('unavailable'),
      title: 'The service cannot answer now',
      status: 503,
      detail: `it waits for ${reason()}; nothing was changed`,
      instance: request.url?.split('?', 1)[0] ?? '/',
      requestId,
      errors: [],
    };
    request.resume();
    response
      .writeHead(503, {
        'content-type': 'application/problem+json; charset=utf-8',
        'cache-control': 'no-store',
        'retry-after': String(RETRY_SECONDS),
        'x-request-id': requestId,
        connection: 'close',
      })
      .end(JSON.stringify(problem));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
