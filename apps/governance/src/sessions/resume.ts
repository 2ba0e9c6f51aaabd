import type { NextFunction, Response } from 'express';
import type { ApiRequest } from '../http/request.js';
import { Refusal } from '../refusal/refusal.js';
import { isCsrfToken, noSessionCookie, sessionSecretOf } from './secret.js';
import type { Sessions } from './sessions.js';

export const CSRF_HEADER = 'x-csrf-token';
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** A browser's statement of where a request comes from; other programs say nothing. */
const OWN = new Set([undefined, 'same-origin', 'none']);

/**
 * Lets a request with the cookie of a session go on as if it had come with the token of that session: from here on
 * there is one way to be known, and one authorization. A request with a token of its own keeps it.
 */
export const resumeSessions = (sessions: Sessions) => (request: ApiRequest, response: Response, next: NextFunction) => {
  resume(sessions, request, response).then(() => next(), next);
};

async function resume(sessions: Sessions, request: ApiRequest, response: Response): Promise<void> {
  const secret = sessionSecretOf(request.headers.cookie);
  if (secret === undefined || request.headers.authorization !== undefined) return;
  // A page of another site: it is answered as if it had sent no cookie.
  if (!OWN.has(request.header('sec-fetch-site'))) return;
  if (!request.path.startsWith('/v1/')) return;
  const session = await sessions.find(secret, new Date());
  if (!session) {
    response.setHeader('Set-Cookie', noSessionCookie);
    return;
  }
  if (!READS.has(request.method) && !isCsrfToken(secret, request.header(CSRF_HEADER)))
    throw new Refusal(
      'forbidden',
      `a write with a session needs the header ${CSRF_HEADER} with the token of GET /v1/session`,
    );
  request.headers.authorization = `Bearer ${session.token}`;
  request.session = { secret, expiresAt: session.expiresAt };
}
