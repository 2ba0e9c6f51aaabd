import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import type { KnownRequest } from '../call/actor.js';
import { clientAddress, type TrustedProxies } from './client-address.js';

export type ApiRequest = Request &
  KnownRequest & {
    /** Of the web console, where the caller is known by its cookie. */
    session?: { secret: string; expiresAt: Date };
  };

/** Where the pages that document the API are served. */
export const PAGES_PATH = '/v1/docs';

/** The pages load their own scripts and styles, and nothing from elsewhere. */
const PAGES_POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";
const NO_CONTENT = "default-src 'none'; frame-ancestors 'none'";
const ACCEPTED_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Gives every request an id: the caller's own when it is one, else a new one. It is in answers, logs and the audit log. */
export function identifyRequest(request: ApiRequest, response: Response, next: NextFunction): void {
  const given = request.header('x-request-id');
  request.requestId = given !== undefined && ACCEPTED_ID.test(given) ? given : randomUUID();
  response.setHeader('X-Request-Id', request.requestId);
  next();
}

/** Finds out where every request comes from, for limits and logs. */
export const locateClient =
  (trusted: TrustedProxies) =>
  (request: ApiRequest, _response: Response, next: NextFunction): void => {
    // A connection that is gone has no peer any more.
    const peer = request.socket.remoteAddress ?? 'unknown';
    request.address = clientAddress(peer, request.header('x-forwarded-for'), trusted);
    next();
  };

/** Headers of an API that is called by programs: nothing is cached, framed or sniffed. */
export function protectAnswer(request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', request.path.startsWith(PAGES_PATH) ? PAGES_POLICY : NO_CONTENT);
  response.setHeader('Strict-Transport-Security', 'max-age=31536000');
  next();
}

export interface Served {
  request: ApiRequest;
  response: Response;
  /** The template of the path, such as /v1/migrations/:id; null when no route took it. */
  route: string | null;
  seconds: number;
}

/** Tells of every request when its answer is sent or its caller has gone. */
export function observeRequests(observe: (served: Served) => void) {
  return (request: ApiRequest, response: Response, next: NextFunction): void => {
    const started = performance.now();
    response.once('close', () =>
      observe({ request, response, route: routeTaking(request), seconds: (performance.now() - started) / 1000 }),
    );
    next();
  };
}

/** The template of the path that took the request; null when none did. */
export const routeTaking = (request: Request): string | null => {
  const route: unknown = request.route;
  return typeof route === 'object' && route !== null && 'path' in route ? String(route.path) : null;
};

/** One line per request: who asked for what, and how it went. Neither bodies nor queries nor other headers are logged. */
export const logRequests =
  (logger: Logger) =>
  ({ request, response, route, seconds }: Served): void => {
    const { statusCode: status, writableFinished } = response;
    const fields = {
      requestId: request.requestId,
      method: request.method,
      path: request.path,
      route,
      status: writableFinished ? status : 499,
      ms: Math.round(seconds * 1000),
      actor: request.actor?.name,
      address: request.address,
    };
    if (status >= 500) logger.warn(fields, 'answered with an error');
    else logger.info(fields, 'answered');
  };
