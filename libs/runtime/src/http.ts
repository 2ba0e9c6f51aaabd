import type { IncomingHttpHeaders } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Agent, ProxyAgent, Socks5ProxyAgent, type Dispatcher } from 'undici';
import { withDeadline } from './pause.js';
import { type CallName, tracedCall } from './spans.js';
import type { ConnectionTrust } from './trust.js';
import { codeOf } from './values.js';

export interface Exchange {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: URL;
  headers?: Record<string, string | string[]>;
  body?: string | null;
  /** For the whole answer, in milliseconds; of `open`, for its beginning. 30 s unless said otherwise. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
  /** A body that may go on for hours gets a connection to itself, so that no call queues behind it. */
  isStream?: boolean;
  /** Whether sending it twice is the same as once; true of everything but POST unless said otherwise. */
  repeatable?: boolean;
  /** How to reach this server; what the client was made with unless said otherwise. */
  trust?: ConnectionTrust;
  /** How it is called in traces; its method and host unless said otherwise. */
  called?: CallName;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** An answer whose body is still coming; it is to be read to its end or destroyed. */
export interface OpenAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Readable;
}

export interface HttpOptions {
  /** Asked before each request, so that certificates may be exchanged. */
  trust?: () => Promise<ConnectionTrust>;
  /** Called when the server's certificate is refused: what `trust` yields next must be fresh. */
  untrusted?: () => void;
  /** How many connections one server gets; 32 unless said otherwise. Streams do not count. */
  connections?: number;
  /** How long an unused connection is kept, in milliseconds; below what the server keeps it. 30 s unless said otherwise. */
  idleMs?: number;
  /** The largest body of an answer, in bytes; 32 MiB unless said otherwise. */
  maxBytes?: number;
  /** Instead of the resolver of the system. */
  lookup?: LookupFunction;
}

/** The body of an answer is longer than the caller accepts. */
export class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong';
}

const TIMEOUT_MS = 30_000;
const PROBE_MS = 15_000;
/** A server that was restarted has closed every connection that was kept; the first failure shows that to all of them. */
const STALE_TRIES = 3;
const STALE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const SYSTEM: ConnectionTrust = { key: '', tls: {} };

/** Whether the certificate of the other side was refused. */
export const isCertificateFault = (error: unknown): boolean => /CERT|SELF_SIGNED|UNABLE_TO_/.test(codeOf(error));

interface Connections {
  key: string;
  calls: Dispatcher;
  streams: Dispatcher;
}

/**
 * HTTP/1.1 over connections that are kept open, in bounded time and bytes. It follows no redirect, and sends again what
 * is repeatable when a kept connection turns out to be closed.
 */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #all = new Set<Dispatcher>();
  #current: Connections | undefined;

  constructor(options: HttpOptions = {}) {
    this.#options = options;
  }

  /** The whole answer, with any status. @throws DeadlineError | AnswerTooLong | the signal's reason | Error */
  send(exchange: Exchange): Promise<HttpAnswer> {
    const { timeoutMs = TIMEOUT_MS, signal } = exchange;
    return withDeadline(
      async (ending) => {
        const { status, headers, body } = await this.#opened(exchange, ending);
        return { status, headers, text: await textOf(body, this.#options.maxBytes) };
      },
      { timeoutMs, ...(signal ? { signal } : {}) },
    );
  }

  /** The beginning of an answer, with any status; its body ends when `signal` aborts. Throws as `send` does. */
  async open(exchange: Exchange): Promise<OpenAnswer> {
    const { timeoutMs = TIMEOUT_MS, signal } = exchange;
    const ending = new AbortController();
    const either = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal;
    try {
      return await withDeadline(() => this.#opened(exchange, either), { timeoutMs, ...(signal ? { signal } : {}) });
    } catch (error) {
      ending.abort(error);
      throw error;
    }
  }

  /** Ends every connection, and what is under way on it. */
  close(): void {
    this.#current = undefined;
    for (const dispatcher of this.#all) void dispatcher.destroy();
    this.#all.clear();
  }

  async #opened(exchange: Exchange, signal: AbortSignal): Promise<OpenAnswer> {
    const { repeatable = exchange.method !== 'POST' } = exchange;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#asked(exchange, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isCertificateFault(error)) this.#options.untrusted?.();
        if (!repeatable || attempt >= STALE_TRIES || !STALE.has(codeOf(error))) throw error;
        await nextTurn();
      }
    }
  }

  #asked(exchange: Exchange, signal: AbortSignal): Promise<OpenAnswer> {
    const { method, url, called = { name: `${method} ${url.host}` } } = exchange;
    const attributes = { 'http.request.method': method, 'server.address': url.hostname, ...called.attributes };
    return tracedCall({ name: called.name, attributes }, (trace) =>
      this.#answered({ ...exchange, headers: { ...exchange.headers, ...trace } }, signal),
    );
  }

  async #answered(exchange: Exchange, signal: AbortSignal): Promise<OpenAnswer> {
    const { method, url, headers = {}, body = null, isStream = false } = exchange;
    const { calls, streams } = this.#connections(exchange.trust ?? (await this.#options.trust?.()) ?? SYSTEM);
    const answer = await (isStream ? streams : calls).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers,
      body,
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // A body that is destroyed before its end reports that to its reader; without one, that is no error.
    answer.body.on('error', () => undefined);
    return { status: answer.statusCode, headers: answer.headers, body: answer.body };
  }

  /** Other certificates need other connections; what is under way finishes on the old ones. */
  #connections(trust: ConnectionTrust): Connections {
    if (this.#current?.key === trust.key) return this.#current;
    const before = this.#current;
    const { connections = 32, idleMs = 30_000, lookup } = this.#options;
    const kept = { connections, keepAliveTimeout: idleMs, keepAliveMaxTimeout: idleMs };
    const alone = { connections: null, pipelining: 0 };
    const calls = dispatcherOf(trust, kept, lookup);
    const streams = dispatcherOf(trust, alone, lookup);
    for (const dispatcher of [calls, streams]) this.#all.add(dispatcher);
    this.#current = { key: trust.key, calls, streams };
    if (before) for (const old of [before.calls, before.streams]) this.#retire(old);
    return this.#current;
  }

  #retire(dispatcher: Dispatcher): void {
    const forget = (): void => void this.#all.delete(dispatcher);
    dispatcher.close().then(forget, forget);
  }
}

function dispatcherOf(
  { tls, proxy }: ConnectionTrust,
  pool: { connections: number | null; pipelining?: number },
  lookup: LookupFunction | undefined,
): Dispatcher {
  const options = { ...pool, allowH2: false };
  const connect = { ...tls, allowH2: false, keepAliveInitialDelay: PROBE_MS, ...(lookup ? { lookup } : {}) };
  if (proxy === undefined) return new Agent({ ...options, connect });
  if (/^socks5?h?:/.test(proxy)) {
    const address = proxy.replace(/^socks5?h?:/, 'socks5:');
    return new Socks5ProxyAgent(address, { ...options, requestTls: connect });
  }
  return new ProxyAgent({ ...options, uri: proxy, requestTls: connect });
}

/**
 * A body as UTF-8 text.
 * @param maxBytes 32 MiB unless said otherwise
 * @throws AnswerTooLong
 */
export async function textOf(body: Readable, maxBytes = 32 * 1024 * 1024): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new AnswerTooLong(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  // undici gives the connection free in the next turn of the event loop: a call that follows at once is to have it.
  await nextTurn();
  return Buffer.concat(chunks).toString('utf8');
}
