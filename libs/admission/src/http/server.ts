import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TlsOptions, TLSSocket } from 'node:tls';
import { beginServed, within, type Logger } from '@scc/runtime';
import type { PodHint, WriteHint } from '../review/pod-hint.js';
import type { AdmissionMetrics } from './metrics.js';
import type { Answering, Reply } from './answering.js';

/** The size of an object that the API server accepts, with room for the old one beside it. */
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
  readonly onWrite: (hint: WriteHint) => void;
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

interface Reading {
  take: (body: Buffer) => void;
  fail: (error: Error) => void;
}

/**
 * Reads no more than a review may have: what comes after that is left on the connection, which is then closed. Calls one
 * of both, once.
 */
function readBody(request: IncomingMessage, { take, fail }: Reading): void {
  let isOver = false;
  const failOnce = (error: Error): void => {
    if (!isOver) fail(error);
    isOver = true;
  };
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) {
    failOnce(new TooLarge());
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
    else {
      request.pause();
      failOnce(new TooLarge());
    }
  });
  request.once('end', () => {
    if (isOver) return;
    isOver = true;
    take(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  });
  request.once('error', failOnce);
  request.once('close', () => {
    if (!request.complete) failOnce(new Error('the connection was closed'));
  });
}

const isProven = ({ socket }: IncomingMessage): boolean => socket instanceof TLSSocket && socket.authorized;

/** The fault of a request before its body is read; undefined when there is none. */
function refusalOf(request: IncomingMessage, clientRequired: boolean): Reply | undefined {
  const { method, headers } = request;
  if (clientRequired && !isProven(request)) return { status: 403, body: 'a client certificate is needed\n' };
  if (method !== 'POST') return { status: 405, body: 'reviews are posted\n' };
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/json' ? undefined : { status: 415, body: 'reviews are application/json\n' };
}

/** Serves reviews over TLS. */
export async function startServer(options: Options): Promise<WebhookServer> {
  const { answering, metrics, logger } = options;
  let draining = false;
  const send = (request: IncomingMessage, response: ServerResponse, reply: Reply): void => {
    const { status, body, hint, wrote } = reply;
    const isJson = status === 200;
    // The rest of a body that was not read would be taken for the next request.
    const closing = request.complete && !draining ? {} : { connection: 'close' };
    response.writeHead(status, {
      'content-type': isJson ? 'application/json' : 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...closing,
    });
    response.end(body);
    // Work that is not needed for the answer comes after it.
    if (status !== 200) metrics.refused(status);
    reply.afterwards?.();
    if (hint && isProven(request))
      setImmediate(() => {
        metrics.hinted();
        options.onPod(hint);
      });
    if (wrote && isProven(request)) setImmediate(() => options.onWrite(wrote));
  };
  const server = createServer(options.tls, (request, response) => {
    const started = performance.now();
    // A review that the API server does not trace is no trace of its own.
    const span = request.headers['traceparent'] === undefined ? undefined : beginServed('review', request.headers);
    if (span) response.once('close', () => span.end(response.statusCode));
    const answerWith = (reply: Reply): void => send(request, response, reply);
    const fail = (error: Error): void => {
      if (error instanceof TooLarge) {
        answerWith({ status: 413, body: 'the review is too large\n' });
        return;
      }
      // The caller went away while it was sending.
      logger.debug({ err: error }, 'review cut off');
      response.destroy();
    };
    const failed = (error: unknown): void => {
      logger.error({ err: error }, 'answering a review failed');
      response.destroy();
    };
    const refusal = refusalOf(request, options.clientRequired);
    if (refusal) {
      answerWith(refusal);
      return;
    }
    // At once where that can be: promises cost as much as a decision.
    const take = (body: Buffer): void => {
      try {
        const reply = answering.reply(request.url ?? '/', body, started);
        if (reply instanceof Promise) reply.then(answerWith).catch(failed);
        else answerWith(reply);
      } catch (error) {
        failed(error);
      }
    };
    readBody(request, { take, fail });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = READ_MS;
  server.requestTimeout = READ_MS;
  server.on('tlsClientError', (error) => logger.debug({ err: error }, 'TLS handshake failed'));
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
  await within(closed, LAST_ANSWERS_MS);
  server.closeAllConnections();
  await closed;
}
