import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { type Problem, problemType } from '@scc/governance-api';
import type { Response } from 'express';
import type { Logger } from 'pino';
import { InProgress, KeyReused } from '../database/once.js';
import { isDatabaseAway } from '../database/outage.js';
import { Refusal, REFUSAL_STATUS } from '../refusal/refusal.js';
import { refusalOf } from '../database/transaction.js';
import type { ApiRequest } from './request.js';
import { InvalidInput } from './validation.js';

type Issue = Problem['errors'][number];

/** A fault before it is put into words for one request. */
interface Described {
  status: number;
  kind: string;
  title: string;
  detail?: string | undefined;
  errors?: Issue[];
  retryAfterSeconds?: number;
}

const REFUSAL_TITLES: Record<Refusal['kind'], { kind: string; title: string }> = {
  unauthenticated: { kind: 'unauthenticated', title: 'The caller is unknown' },
  notFound: { kind: 'not-found', title: 'There is no such object' },
  forbidden: { kind: 'forbidden', title: 'The caller may not do this' },
  conflict: { kind: 'conflict', title: 'The state does not allow this' },
  stale: { kind: 'stale', title: 'It has changed since you saw it' },
  conditionMissing: { kind: 'condition-missing', title: 'The request must say which version it is about' },
  invalid: { kind: 'invalid', title: 'The request is valid JSON but cannot be processed' },
  tooMany: { kind: 'too-many-requests', title: 'The caller sends too many requests' },
  unavailable: { kind: 'unavailable', title: 'The service cannot answer now' },
};

const STATUS_TITLES: Record<number, { kind: string; title: string }> = {
  400: { kind: 'malformed', title: 'The request is malformed' },
  401: { kind: 'unauthenticated', title: 'The caller is unknown' },
  403: { kind: 'forbidden', title: 'The caller may not do this' },
  404: { kind: 'no-such-route', title: 'There is nothing at this path' },
  405: { kind: 'method-not-allowed', title: 'The path does not take this method' },
  406: { kind: 'not-acceptable', title: 'The answer exists only as JSON' },
  409: { kind: 'conflict', title: 'The state does not allow this' },
  413: { kind: 'too-large', title: 'The request is too large' },
  415: { kind: 'unsupported-media-type', title: 'The body must be JSON in UTF-8' },
  429: { kind: 'too-many-requests', title: 'The caller sends too many requests' },
  503: { kind: 'unavailable', title: 'The service cannot answer now' },
};

/** Turns everything that a route throws into problem details (RFC 9457). Only this writes error answers. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<ApiRequest>();
    const response = http.getResponse<Response>();
    const described = describe(error);
    if (described.status >= 500) this.log(error, described, request);
    if (error instanceof Refusal) response.locals['refusal'] = error.message;
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { retryAfterSeconds } = described;
    if (retryAfterSeconds !== undefined && !response.hasHeader('Retry-After'))
      response.setHeader('Retry-After', String(retryAfterSeconds));
    if (described.status === 401 && !response.hasHeader('WWW-Authenticate'))
      response.setHeader('WWW-Authenticate', 'Bearer');
    sendProblem(request, response, described);
  }

  private log(error: unknown, { status }: Described, { requestId }: ApiRequest): void {
    if (status === 503) this.logger.warn({ reason: String(error), requestId }, 'a request could not be served now');
    else this.logger.error({ err: error, requestId }, 'a request failed');
  }
}

/** Writes a problem as the answer. */
export function sendProblem(
  request: ApiRequest,
  response: Response,
  { status, kind, title, detail, errors = [] }: Described,
): void {
  const problem: Problem = {
    type: problemType(kind),
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    instance: request.path,
    ...(request.requestId === undefined ? {} : { requestId: request.requestId }),
    errors,
  };
  response.status(status).setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  response.end(JSON.stringify(problem));
}

function describe(error: unknown): Described {
  if (error instanceof InvalidInput)
    return { status: 400, kind: 'malformed', title: error.message, errors: error.issues };
  if (error instanceof Refusal) return refused(error);
  if (error instanceof HttpException) return ofHttp(error);
  const unstorable = refusalOf(error);
  if (unstorable) return refused(unstorable);
  if (isDatabaseAway(error))
    return {
      status: 503,
      kind: 'unavailable',
      title: 'The service cannot answer now',
      detail: 'the database does not answer; nothing was changed, or it was and is recorded',
      retryAfterSeconds: 1,
    };
  return { status: 500, kind: 'internal', title: 'The service failed', detail: 'the log has more, by the request id' };
}

function refused(refusal: Refusal): Described {
  const status = REFUSAL_STATUS[refusal.kind];
  const { kind, title } = titleOf(refusal);
  const errors = refusal.issues.map(({ field, message }) => ({ field, message }));
  return { status, kind, title, detail: refusal.message, errors, ...retryHint(status) };
}

function titleOf(refusal: Refusal): { kind: string; title: string } {
  if (refusal instanceof InProgress) return { kind: 'request-in-progress', title: 'The same is being worked on' };
  if (refusal instanceof KeyReused) return { kind: 'key-reused', title: 'The key was used for another request' };
  return REFUSAL_TITLES[refusal.kind];
}

const retryHint = (status: number): Pick<Described, 'retryAfterSeconds'> =>
  status === 503 || status === 429 ? { retryAfterSeconds: 1 } : {};

function ofHttp(error: HttpException): Described {
  const status = error.getStatus();
  const known = STATUS_TITLES[status] ?? { kind: `http-${status}`, title: error.name };
  return { status, ...known, detail: error.message, ...retryHint(status) };
}
