import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { Access, Credentials } from './credentials.js';
import { errorOf, KubeError, KubeUnreachable } from './errors.js';

const TIMEOUT_MS = 30_000;
/** Below the API server's own idle timeout of 90 s, so that no connection is used while the server closes it. */
const IDLE_MS = 30_000;
const PROBE_MS = 15_000;
const MAX_CONNECTIONS = 32;

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  headers?: OutgoingHttpHeaders;
  /** For the whole answer with every retry; of a stream, for its beginning. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Whether sending it twice is the same as once; true of everything but POST unless said otherwise. */
  repeatable?: boolean;
}

interface Pool {
  connectionKey: string;
  calls: HttpAgent;
  /** A watch keeps its connection to itself: others must never queue behind it. */
  watches: HttpAgent;
}

/** A kept-alive connection turned out to be closed when it was used again. */
class StaleConnection extends Error {
  override readonly name = 'StaleConnection';
}

/** HTTP to one API server: kept-alive connections, fresh credentials, deadlines, and waiting when the server asks to. */
export class Transport {
  #pool: Pool | undefined;

  constructor(
    private readonly credentials: Credentials,
    private readonly userAgent: string,
  ) {}

  /** The body as JSON, or as text where it is none. @throws KubeError | KubeUnreachable */
  async json(call: Call): Promise<unknown> {
    const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = call.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
    try {
      return parseBody(await textOf(await this.#answered(call, 'calls', signal)));
    } catch (error) {
      if (deadline.aborted && !(error instanceof KubeError)) throw noAnswer(call, timeoutMs, error);
      throw asUnreachable(call, error);
    }
  }

  /**
   * The lines of an answer that goes on until the server ends it or `call.signal` aborts; the first one is empty and
   * says that the server answered. @throws KubeError | KubeUnreachable
   */
  async *lines(call: Call): AsyncGenerator<string> {
    const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(noAnswer(call, timeoutMs)), timeoutMs);
    const signal = call.signal ? AbortSignal.any([ending.signal, call.signal]) : ending.signal;
    try {
      const response = await this.#answered(call, 'watches', signal);
      clearTimeout(timer);
      yield '';
      let rest = '';
      response.setEncoding('utf8');
      for await (const chunk of response as AsyncIterable<string>) {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        yield* lines.filter((line) => line !== '');
      }
    } catch (error) {
      throw asUnreachable(call, error);
    } finally {
      clearTimeout(timer);
      ending.abort();
    }
  }

  close(): void {
    this.#pool?.calls.destroy();
    this.#pool?.watches.destroy();
    this.#pool = undefined;
  }

  async #answered(call: Call, kind: 'calls' | 'watches', signal: AbortSignal): Promise<IncomingMessage> {
    let hasRenewed = false;
    for (;;) {
      const access = await this.credentials.current();
      const response = await this.#sent(call, access, { kind, signal });
      if (!response) continue;
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      const error = errorOf(status, parseBody(await textOf(response)), textFor(call));
      if (status === 429) await patience(response, error, signal);
      else if (status !== 401 || hasRenewed) throw error;
      else {
        hasRenewed = true;
        await this.credentials.reload(access);
      }
    }
  }

  /** Undefined when it is to be sent again, because the connection was closed before it was used. */
  async #sent(
    call: Call,
    access: Access,
    { kind, signal }: { kind: 'calls' | 'watches'; signal: AbortSignal },
  ): Promise<IncomingMessage | undefined> {
    try {
      return await this.#send(call, access, { agent: this.#agent(access, kind), signal });
    } catch (error) {
      const repeatable = call.repeatable ?? call.method !== 'POST';
      if (error instanceof StaleConnection && repeatable) return undefined;
      throw error;
    }
  }

  #send(
    call: Call,
    access: Access,
    { agent, signal }: { agent: HttpAgent; signal: AbortSignal },
  ): Promise<IncomingMessage> {
    const { server } = access;
    const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
    const content = { 'Content-Type': call.contentType ?? 'application/json' };
    const send = server.protocol === 'http:' ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const outgoing = send(
        {
          protocol: server.protocol,
          host: server.hostname.replace(/^\[|\]$/g, ''),
          port: server.port,
          method: call.method,
          path: pathOf(server, call),
          agent,
          signal,
          headers: {
            'User-Agent': this.userAgent,
            Accept: 'application/json',
            ...access.headers,
            ...(payload === undefined ? {} : { ...content, 'Content-Length': Buffer.byteLength(payload) }),
            ...call.headers,
          },
        },
        resolve,
      );
      outgoing.on('socket', (socket) => socket.setKeepAlive(true, PROBE_MS));
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(isStale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      outgoing.end(payload);
    });
  }

  /** Rotated certificates need new connections; those under way finish on the old ones, which then idle out. */
  #agent({ server, connectionKey, tls, proxy }: Access, kind: 'calls' | 'watches'): HttpAgent {
    if (proxy) return proxy;
    if (this.#pool?.connectionKey !== connectionKey) {
      const kept = { keepAlive: true, timeout: IDLE_MS, maxSockets: MAX_CONNECTIONS, scheduling: 'lifo' as const };
      const isPlain = server.protocol === 'http:';
      this.#pool = {
        connectionKey,
        calls: isPlain ? new HttpAgent(kept) : new Agent({ ...kept, ...tls }),
        watches: isPlain ? new HttpAgent() : new Agent(tls),
      };
    }
    return this.#pool[kind];
  }
}

const textFor = ({ method, path }: Call): string => `${method} ${path}`;

const noAnswer = (call: Call, timeoutMs: number, cause?: unknown): KubeUnreachable =>
  new KubeUnreachable(`${textFor(call)}: no answer within ${timeoutMs} ms`, { cause });

/** Whoever aborts through their own signal gets their own reason back. */
function asUnreachable(call: Call, error: unknown): unknown {
  if (error instanceof KubeError || error instanceof KubeUnreachable) return error;
  if (call.signal?.aborted) return call.signal.reason;
  return new KubeUnreachable(`${textFor(call)}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}

function pathOf(server: URL, { path, query = {} }: Call): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  return `${server.pathname.replace(/\/$/, '')}${path}${search.size > 0 ? `?${search.toString()}` : ''}`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return text;
  return JSON.parse(text) as unknown;
}

/** Waits as long as an overloaded server asks; when the deadline comes first, its refusal is the answer. */
async function patience(response: IncomingMessage, refusal: KubeError, signal: AbortSignal): Promise<void> {
  const seconds = Number(response.headers['retry-after'] ?? 1);
  await delay((Number.isFinite(seconds) ? seconds : 1) * 1000, undefined, { signal }).catch(() => {
    throw refusal;
  });
}
