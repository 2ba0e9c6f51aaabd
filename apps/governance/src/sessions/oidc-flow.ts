import { createHash, randomBytes } from 'node:crypto';
import { HttpClient } from '@scc/runtime';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { isSafeAddress } from '../access/settings.js';
import { Refusal } from '../refusal/refusal.js';

export interface OidcFlowSettings {
  /** The OAuth server of OpenShift gives access tokens, which the API server reviews; an issuer gives ID tokens. */
  kind: 'oidc' | 'openshift';
  /** The API server, where it is that of OpenShift. */
  issuer: string;
  clientId: string;
  /** Null for a client without one, which PKCE alone protects. */
  clientSecret: string | null;
  scopes: string;
  /** Where the issuer sends the browser back to. */
  redirectUrl: string;
}

/** The values that the browser keeps between the beginning and the end of a sign-in. */
export interface BegunSignIn {
  state: string;
  nonce: string;
  verifier: string;
}

const ASK_MS = 5000;
const endpoint = z.url({ protocol: /^https?$/ }).refine(isSafeAddress, 'is not https');
const discoverySchema = z.object({ issuer: z.string(), authorization_endpoint: endpoint, token_endpoint: endpoint });
const token = z.string().min(1).max(16_384);
const idTokenSchema = z.object({ id_token: token });
const accessTokenSchema = z.object({ access_token: token });
const http = new HttpClient({ maxBytes: 1024 * 1024 });
const random = (): string => randomBytes(32).toString('base64url');

const notBegun = (): Refusal =>
  new Refusal('forbidden', 'this sign-in was not begun in this browser, or longer than ten minutes ago');

export const beginSignIn = (): BegunSignIn => ({ state: random(), nonce: random(), verifier: random() });

const WELL_KNOWN = { oidc: 'openid-configuration', openshift: 'oauth-authorization-server' } as const;

type Asked = Pick<OidcFlowSettings, 'kind' | 'issuer'>;

async function discovered({ kind, issuer }: Asked): Promise<z.infer<typeof discoverySchema>> {
  const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/${WELL_KNOWN[kind]}`);
  const { status, text } = await http.send({ method: 'GET', url, timeoutMs: ASK_MS });
  if (status !== 200) throw new Error(`${url.href} answers ${status}`);
  const found = discoverySchema.parse(JSON.parse(text));
  // The API server speaks of its OAuth server, which is another host.
  if (kind === 'oidc' && found.issuer !== issuer) throw new Error(`${url.href} is about the issuer ${found.issuer}`);
  return found;
}

/** Where the browser goes to sign in. @throws Error when the issuer does not say */
export async function authorizationUrl(
  settings: OidcFlowSettings,
  { state, nonce, verifier }: BegunSignIn,
): Promise<string> {
  const url = new URL((await discovered(settings)).authorization_endpoint);
  const query = {
    response_type: 'code',
    client_id: settings.clientId,
    redirect_uri: settings.redirectUrl,
    scope: settings.scopes,
    state,
    ...(settings.kind === 'oidc' ? { nonce } : {}),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Turns what the issuer sent the browser back with into a token. Whether the token is genuine is for the
 * authenticator to say, as of every token; here it must belong to the sign-in that this browser began.
 * @throws Refusal when it does not, Error when the issuer does not answer
 */
export async function finishSignIn(
  settings: OidcFlowSettings,
  begun: BegunSignIn | null,
  answer: URLSearchParams,
): Promise<string> {
  if (begun === null) throw notBegun();
  if (answer.get('state') !== begun.state) throw notBegun();
  const issuer = answer.get('iss');
  if (settings.kind === 'oidc' && issuer !== null && issuer !== settings.issuer)
    throw new Refusal('forbidden', 'the answer is of another issuer');
  const code = answer.get('code');
  if (code === null)
    throw new Refusal(
      'forbidden',
      `the issuer refused: ${answer.get('error_description') ?? answer.get('error') ?? 'no reason'}`,
    );
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: settings.redirectUrl,
    client_id: settings.clientId,
    code_verifier: begun.verifier,
    ...(settings.clientSecret === null ? {} : { client_secret: settings.clientSecret }),
  });
  const url = new URL((await discovered(settings)).token_endpoint);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const { status, text } = await http.send({ method: 'POST', url, headers, body: form.toString(), timeoutMs: ASK_MS });
  if (status !== 200) throw new Refusal('forbidden', `the issuer does not exchange the code (${status})`);
  return settings.kind === 'openshift'
    ? accessTokenSchema.parse(JSON.parse(text)).access_token
    : idTokenIn(text, begun);
}

function idTokenIn(text: string, { nonce }: BegunSignIn): string {
  const { id_token: given } = idTokenSchema.parse(JSON.parse(text));
  if (decodeJwt(given)['nonce'] !== nonce) throw new Refusal('forbidden', 'the token belongs to another sign-in');
  return given;
}
