import { randomUUID } from 'node:crypto';
import { backoffMs, followTrust, HttpClient, pause, type HttpAnswer } from '@scc/runtime';
import { z } from 'zod';
import { ContractError, governanceErrorOf, GovernanceError, GovernanceUnreachable, problemType } from './errors.js';
import { engineRoutes } from './routes.js';

export interface GovernanceClientOptions {
  /** Where governance listens, such as https://governance.scc-system:9443 */
  url: string;
  /** PEM of the authority that signed its certificate; absent, the authorities that Node knows. */
  caFile?: string;
  /** Asked before every request, so that a token file may be exchanged. */
  token: () => Promise<string>;
  /** One try; 5 s unless said. */
  attemptTimeoutMs?: number;
  /** All tries of one call together; 15 s unless said. */
  timeoutMs?: number;
}

export interface CallOptions {
  /** The same key with the same body has its effect once and gets the same answer; a new one per call unless said. */
  idempotencyKey?: string;
  /** All tries of this call together, and each of them; those of the client unless said. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  request: z.ZodType | null;
  response: z.ZodType;
}
type Method<R extends Route> = R['request'] extends z.ZodType
  ? (uid: string, body: z.input<R['request']>, options?: CallOptions) => Promise<z.output<R['response']>>
  : (uid: string, options?: CallOptions) => Promise<z.output<R['response']>>;

type EngineMethods = { [Name in keyof typeof engineRoutes]: Method<(typeof engineRoutes)[Name]> };

/**
 * Governance as the engine sees it: one method per route, named as in `engineRoutes`. Each method throws
 * GovernanceError when governance says no, GovernanceUnreachable when it does not answer, ContractError when a side
 * does not keep to the schemas.
 */
export interface GovernanceClient extends EngineMethods {
  /** Closes the connections that are kept open. */
  close: () => void;
}

/** A client that keeps connections open, gives up in time, and sends again what got no answer. */
export function createGovernanceClient(options: GovernanceClientOptions): GovernanceClient {
  const caller = new Caller(options);
  const ask =
    <R extends Route & { request: null }>(route: R) =>
    (uid: string, call: CallOptions = {}) =>
      caller.call(route, uid, { body: null, call });
  const send =
    <R extends Route & { request: z.ZodType }>(route: R) =>
    (uid: string, body: z.input<R['request']>, call: CallOptions = {}) =>
      caller.send(route, uid, { body, call });
  return {
    evaluate: send(engineRoutes.evaluate),
    approval: ask(engineRoutes.approval),
    authorizeStep: send(engineRoutes.authorizeStep),
    liveSettings: send(engineRoutes.liveSettings),
    begin: send(engineRoutes.begin),
    done: send(engineRoutes.done),
    handOver: send(engineRoutes.handOver),
    takeOver: send(engineRoutes.takeOver),
    checkCommand: send(engineRoutes.checkCommand),
    report: send(engineRoutes.report),
    savePreImages: send(engineRoutes.savePreImages),
    preImages: ask(engineRoutes.preImages),
    seal: ask(engineRoutes.seal),
    outcome: ask(engineRoutes.outcome),
    close: () => caller.close(),
  };
}

function checked<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ContractError(`${what} is not what was agreed: ${z.prettifyError(parsed.error)}`, { cause: parsed.error });
}

const BACKOFF = { firstMs: 100, lastMs: 2000 };
const RETRIED_STATUSES = new Set([429, 502, 503, 504]);
const IN_PROGRESS = problemType('request-in-progress');

class Caller {
  private readonly base: URL;
  private readonly http: HttpClient;

  constructor(private readonly options: GovernanceClientOptions) {
    this.base = new URL(options.url);
    const { current, forget } = followTrust({ caFile: options.caFile });
    this.http = new HttpClient({ trust: current, untrusted: forget, connections: 64 });
  }

  close(): void {
    this.http.close();
  }

  async send<R extends Route & { request: z.ZodType }>(
    route: R,
    uid: string,
    { body, call }: { body: z.input<R['request']>; call: CallOptions },
  ): Promise<z.output<R['response']>> {
    return this.call(route, uid, { body: checked(route.request, body, 'the request'), call });
  }

  /** Every try of one call carries the same key and the same request id. */
  async call<R extends Route>(
    route: R,
    uid: string,
    { body, call }: { body: unknown; call: CallOptions },
  ): Promise<z.output<R['response']>> {
    const { timeoutMs, attemptMs } = timesOf(this.options, call);
    const until = performance.now() + timeoutMs;
    const headers = {
      accept: 'application/json',
      'x-request-id': randomUUID(),
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(route.method === 'GET' ? {} : { 'idempotency-key': call.idempotencyKey ?? randomUUID() }),
    };
    const text = body === null ? null : JSON.stringify(body);
    for (let attempt = 1; ; attempt += 1) {
      const left = until - performance.now();
      try {
        const answer = await this.attempt(route, uid, {
          headers,
          body: text,
          attemptMs: Math.min(left, attemptMs),
          signal: call.signal,
        });
        return checked<R['response']>(
          route.response,
          parsedJson(answer),
          `the answer to ${route.method} ${route.path}`,
        );
      } catch (error) {
        call.signal?.throwIfAborted();
        const waitMs = pauseBefore(error, attempt);
        if (waitMs === null) throw error;
        if (performance.now() + waitMs >= until) throw givenUp(error, route, timeoutMs);
        await pause(waitMs, call.signal);
        call.signal?.throwIfAborted();
      }
    }
  }

  /** @throws GovernanceError for an answer that is an error, and the errors of the connection. */
  private async attempt(
    { method, path }: Route,
    uid: string,
    request: {
      headers: Record<string, string>;
      body: string | null;
      attemptMs: number;
      signal: AbortSignal | undefined;
    },
  ): Promise<HttpAnswer> {
    const { token } = this.options;
    const answer = await this.http.send({
      method,
      url: new URL(path.replace('{id}', encodeURIComponent(uid)), this.base),
      headers: { ...request.headers, authorization: `Bearer ${await token()}` },
      body: request.body,
      timeoutMs: Math.max(1, Math.ceil(request.attemptMs)),
      signal: request.signal,
      // The idempotency key makes twice the same as once.
      repeatable: true,
      called: { name: `${method} ${path}`, attributes: { 'http.route': path } },
    });
    if (answer.status >= 400) throw governanceErrorOf(answer);
    return answer;
  }
}

const timesOf = (options: GovernanceClientOptions, call: CallOptions): { timeoutMs: number; attemptMs: number } => ({
  timeoutMs: call.timeoutMs ?? options.timeoutMs ?? 15_000,
  attemptMs: call.timeoutMs ?? options.attemptTimeoutMs ?? 5000,
});

const parsedJson = ({ text }: HttpAnswer): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ContractError('the answer is not JSON', { cause: error });
  }
};

/** How long to wait before the same is sent again; null when that would not help. */
function pauseBefore(error: unknown, attempt: number): number | null {
  const backoff = backoffMs(attempt, BACKOFF);
  if (error instanceof ContractError) return null;
  if (!(error instanceof GovernanceError)) return backoff;
  const isRetried = RETRIED_STATUSES.has(error.status) || error.type === IN_PROGRESS;
  return isRetried ? Math.max(backoff, error.retryAfterMs ?? 0) : null;
}

const givenUp = (error: unknown, { method, path }: Route, timeoutMs: number): Error =>
  error instanceof GovernanceError
    ? error
    : new GovernanceUnreachable(`${method} ${path} got no answer within ${timeoutMs} ms`, { cause: error });
