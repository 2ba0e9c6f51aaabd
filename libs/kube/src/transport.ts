import type { Readable } from 'node:stream';
import { HttpClient, messageOf, pause, textOf, type OpenAnswer } from '@scc/runtime';
import type { ClusterAccess, Credentials } from './credentials.js';
import { kubeErrorOf, KubeError, KubeUnreachable } from './errors.js';

const TIMEOUT_MS = 30_000;
/** A list comes in pages of some hundred objects, each of up to 1.5 MiB. */
const MAX_BYTES = 500 * 1024 * 1024;

export interface KubeCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  headers?: Record<string, string | string[]>;
  /** For the whole answer with every retry; of a stream, for its beginning. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Whether sending it twice is the same as once; true of everything but POST unless said otherwise. */
  repeatable?: boolean;
}

export interface TransportOptions {
  userAgent: string;
  /** How many calls may run at once; 32 unless said otherwise. Streams do not count. */
  connections?: number;
  /**
   * Which calls wait as long as a server asks that answers 429; of the others it is a `KubeError` as any other. All of
   * them unless said otherwise.
   */
  patient?: 'all' | 'reads';
  /** How long a call may take that says nothing itself, in milliseconds. */
  timeoutMs?: number;
}

/** HTTP to one API server with fresh credentials. */
export class Transport {
  readonly #credentials: Pick<Credentials, 'current' | 'reload'>;
  readonly #options: TransportOptions;
  readonly #http: HttpClient;
  readonly #timeoutMs: number;

  constructor(credentials: Pick<Credentials, 'current' | 'reload'>, options: TransportOptions) {
    const { connections } = options;
    this.#credentials = credentials;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    // Kept below the API server's own idle timeout of 90 s, so that no connection is used while the server closes it.
    this.#http = new HttpClient({ idleMs: 30_000, ...(connections === undefined ? {} : { connections }) });
  }

  /** The body as JSON, or as text where it is none. @throws KubeError | KubeUnreachable */
  async json(call: KubeCall): Promise<unknown> {
    const timeoutMs = call.timeoutMs ?? this.#timeoutMs;
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = call.signal ? AbortSignal.any([deadline, call.signal]) : deadline;
    try {
      return parseBody(await textOf((await this.#answered(call, signal)).body, MAX_BYTES));
    } catch (error) {
      if (deadline.aborted && !(error instanceof KubeError)) throw noAnswer(call, timeoutMs, error);
      throw asUnreachable(call, error);
    }
  }

  /**
   * The lines of an answer that goes on until the server ends it or `call.signal` aborts; the first one is empty and
   * says that the server answered. @throws KubeError | KubeUnreachable
   */
  async *lines(call: KubeCall): AsyncGenerator<string> {
    const timeoutMs = call.timeoutMs ?? this.#timeoutMs;
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(noAnswer(call, timeoutMs)), timeoutMs);
    const signal = call.signal ? AbortSignal.any([ending.signal, call.signal]) : ending.signal;
    try {
      const { body } = await this.#answered(call, signal, true);
      clearTimeout(timer);
      yield '';
      yield* linesOf(body);
    } catch (error) {
      throw asUnreachable(call, error);
    } finally {
      clearTimeout(timer);
      ending.abort();
    }
  }

  close(): void {
    this.#http.close();
  }

  async #answered(call: KubeCall, signal: AbortSignal, isStream = false): Promise<OpenAnswer> {
    let hasRenewed = false;
    for (;;) {
      const access = await this.#credentials.current();
      const answer = await this.#open(call, access, { signal, isStream });
      if (answer.status >= 200 && answer.status < 300) return answer;
      const error = kubeErrorOf(answer.status, parseBody(await textOf(answer.body)), textFor(call));
      if (answer.status === 429 && this.#waits(call)) await patience(answer, error, signal);
      else if (answer.status !== 401 || hasRenewed) throw error;
      else {
        hasRenewed = true;
        await this.#credentials.reload(access);
      }
    }
  }

  #waits({ method }: KubeCall): boolean {
    return this.#options.patient !== 'reads' || method === 'GET';
  }

  #open(
    call: KubeCall,
    access: ClusterAccess,
    { signal, isStream }: { signal: AbortSignal; isStream: boolean },
  ): Promise<OpenAnswer> {
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    return this.#http.open({
      method: call.method,
      url: urlOf(access.server, call),
      headers: {
        'User-Agent': this.#options.userAgent,
        Accept: 'application/json',
        ...access.headers,
        ...(body === null ? {} : { 'Content-Type': call.contentType ?? 'application/json' }),
        ...call.headers,
      },
      body,
      signal,
      isStream,
      trust: access.trust,
      called: { name: `${call.method} Kubernetes`, attributes: { 'url.path': call.path } },
      timeoutMs: call.timeoutMs ?? this.#timeoutMs,
      ...(call.repeatable === undefined ? {} : { repeatable: call.repeatable }),
    });
  }
}

async function* linesOf(body: Readable): AsyncGenerator<string> {
  let rest = '';
  body.setEncoding('utf8');
  for await (const chunk of body as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

const textFor = ({ method, path }: KubeCall): string => `${method} ${path}`;

const noAnswer = (call: KubeCall, timeoutMs: number, cause?: unknown): KubeUnreachable =>
  new KubeUnreachable(`${textFor(call)}: no answer within ${timeoutMs} ms`, { cause });

/** A caller that aborts through its own signal gets its own reason back. */
function asUnreachable(call: KubeCall, error: unknown): unknown {
  if (error instanceof KubeError || error instanceof KubeUnreachable) return error;
  if (call.signal?.aborted) return call.signal.reason;
  return new KubeUnreachable(`${textFor(call)}: ${messageOf(error)}`, { cause: error });
}

function urlOf(server: URL, { path, query = {} }: KubeCall): URL {
  const url = new URL(server);
  url.pathname = `${server.pathname.replace(/\/$/, '')}${path}`;
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

function parseBody(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return text;
  return JSON.parse(text) as unknown;
}

/** Waits as long as an overloaded server asks; when the deadline comes first, its refusal is the answer. */
async function patience({ headers }: OpenAnswer, refusal: KubeError, signal: AbortSignal): Promise<void> {
  const seconds = Number(headers['retry-after'] ?? 1);
  await pause((Number.isFinite(seconds) ? seconds : 1) * 1000, signal);
  if (signal.aborted) throw refusal;
}
