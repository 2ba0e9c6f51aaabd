import type { NextFunction, Response } from 'express';
import type { Logger } from 'pino';
import type { Authenticator } from '../access/authenticate.js';
import type { ApiRequest } from '../http/request.js';
import { Refusal } from '../refusal/refusal.js';
import { authorizationUrl, type BegunSignIn, beginSignIn, finishSignIn, type OidcFlowSettings } from './oidc-flow.js';
import { cookieOf, sessionCookie } from './secret.js';
import type { Sessions } from './sessions.js';

/** Where a browser goes to sign in with the issuer, and where the issuer sends it back to. */
export const SIGN_IN_PATH = '/sign-in/oidc';
export const CALLBACK_PATH = '/sign-in/callback';

const COOKIE = '__Host-scc-sign-in';
/** Lax: the issuer's redirect has to bring it along. */
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax';
const TEN_MINUTES = 600;

const kept = ({ state, nonce, verifier }: BegunSignIn): string =>
  `${COOKIE}=${[state, nonce, verifier].join('.')}; Max-Age=${TEN_MINUTES}; ${ATTRIBUTES}`;
const forgotten = `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;

function begunIn(header: string | undefined): BegunSignIn | null {
  const [state, nonce, verifier, ...rest] = (cookieOf(header, COOKIE) ?? '').split('.');
  return state && nonce && verifier && rest.length === 0 ? { state, nonce, verifier } : null;
}

interface Parts {
  settings: OidcFlowSettings;
  authenticator: Authenticator;
  sessions: Sessions;
  log: Logger;
}

/** Signs browsers in with the issuer of people: the code flow with PKCE. */
export const serveSignIn = (parts: Parts) => (request: ApiRequest, response: Response, next: NextFunction) => {
  const isRead = request.method === 'GET';
  const act =
    isRead && request.path === SIGN_IN_PATH ? begin : isRead && request.path === CALLBACK_PATH ? finish : null;
  if (!act) {
    next();
    return;
  }
  act(parts, request, response).catch((error: unknown) => {
    parts.log.warn({ err: error, requestId: request.requestId }, 'a sign-in with the issuer failed');
    const why = error instanceof Refusal ? error.message : 'the issuer does not answer as it should';
    response.redirect(303, `/#/?refused=${encodeURIComponent(why)}`);
  });
};

async function begin({ settings }: Parts, _request: ApiRequest, response: Response): Promise<void> {
  const begun = beginSignIn();
  const url = await authorizationUrl(settings, begun);
  response.setHeader('Set-Cookie', kept(begun));
  response.redirect(303, url);
}

async function finish(
  { settings, authenticator, sessions }: Parts,
  request: ApiRequest,
  response: Response,
): Promise<void> {
  const answer = new URL(request.originalUrl, settings.redirectUrl).searchParams;
  response.setHeader('Set-Cookie', forgotten);
  const token = await finishSignIn(settings, begunIn(request.headers.cookie), answer);
  const { name } = await authenticator.identify(`Bearer ${token}`, request.address ?? 'unknown');
  const { secret } = await sessions.begin({ name, token }, new Date());
  response.setHeader('Set-Cookie', [forgotten, sessionCookie(secret)]);
  response.redirect(303, '/');
}
