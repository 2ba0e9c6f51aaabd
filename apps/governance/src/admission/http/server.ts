import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type TlsOptions, TLSSocket } from 'node:tls';
import type { Logger } from '@scc/runtime';
import type { PodHint } from '../contract.js';
import type { AdmissionMetrics } from '../metrics.js';
import type { Answering, Reply } from './answering.js';

/** What the API server accepts of an object, with room for the old one beside it. */
const MAX_BODY = 3 * 1024 * 1024;
/** Longer than the API server keeps an idle connection, so that it is always the one who closes. */
const KEEP_ALIVE_MS = 180_000;
const READ_MS = 10_000;

/** Key and certificate, and how callers may prove who they are. */
export type ServerCertificate = Pick<TlsOptions, 'key' | 'cert' | 'ca' | 'requestCert' | 'rejectUnauthorized'>;

interface Options {
  readonly host: string;
  readonly port: number;
  readonly tls: ServerCertificate;
  readonly answering: Answering;
  readonly clientRequired: boolean;
  readonly onPod: (hint: PodHint) => void;
  readonly metrics: AdmissionMetrics;
  readonly logger: Logger;
}

export interface WebhookServer {
  readonly port: number;
  /** New connections get the new certificate; open ones stay. */
  setCertificate(tls: ServerCertificate): void;
  /** From now on every answer ends its connection, so that callers go elsewhere before `close` cuts one off. */
  drain(): void;
  close(): Promise<void>;
}

class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** Reads no more than a review may have: what comes after that is left on the connection, which is then closed. */
function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) {
      reject(new TooLarge());
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
      else {
        request.pause();
        reject(new TooLarge());
      }
    });
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.complete) reject(new Error('the connection was closed'));
    });
  });
}

const isProven = ({ socket }: IncomingMessage): boolean => socket instanceof TLSSocket && socket.authorized;

/** What is wrong with a request before its body is read; undefined when nothing is. */
function refusalOf({ method, headers }: IncomingMessage): Reply | undefined {
  if (method !== 'POST') return { status: 405, body: 'reviews are posted\n' };
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/json' ? undefined : { status: 415, body: 'reviews are application/json\n' };
}

/** Serves reviews over TLS. */
export async function startServer(options: Options): Promise<WebhookServer> {
  const { answering, metrics, logger } = options;
  let draining = false;
  const replyTo = async (request: IncomingMessage, started: number): Promise<Reply> => {
    if (options.clientRequired && !isProven(request)) return { status: 403, body: 'a client certificate is needed\n' };
    const refusal = refusalOf(request);
    if (refusal) return refusal;
    try {
      return await answering.reply(request.url ?? '/', await bodyOf(request), started);
    } catch (error) {
      if (error instanceof TooLarge) return { status: 413, body: 'the review is too large\n' };
      throw error;
    }
  };
  const send = (request: IncomingMessage, response: ServerResponse, { status, body, hint }: Reply): void => {
    if (status !== 200) metrics.refused(status);
    const isJson = status === 200;
    // What is left of a body that was not read would be taken for the next request.
    const closing = request.complete && !draining ? {} : { connection: 'close' };
    response.writeHead(status, {
      'content-type': isJson ? 'application/json' : 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...closing,
    });
    response.end(body);
    if (hint && isProven(request))
      setImmediate(() => {
        metrics.hinted();
        options.onPod(hint);
      });
  };
  const server = createServer(options.tls, (request, response) => {
    const started = performance.now();
    replyTo(request, started).then(
      (reply) => send(request, response, reply),
      (error: unknown) => {
        // The caller went away while it was sending.
        logger.debug({ err: error }, 'a review was cut off');
        response.destroy();
      },
    );
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = READ_MS;
  server.requestTimeout = READ_MS;
  server.on('tlsClientError', (error) => logger.debug({ err: error }, 'a connection was not secured'));
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (tls) => server.setSecureContext(tls),
    drain: () => {
      draining = true;
    },
    close: () => close(server),
  };
}

const listen = (server: Server, { host, port }: Options): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

const LAST_ANSWERS_MS = 3000;

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await Promise.race([closed, delay(LAST_ANSWERS_MS, undefined, { ref: false })]);
  server.closeAllConnections();
  await closed;
}
