import { createHash, randomBytes } from 'node:crypto';
import { HttpClient } from '@scc/runtime';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { isSafeAddress } from '../access/settings.js';
import { Refusal } from '../refusal/refusal.js';

export interface OidcFlowSettings {
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
const tokenSchema = z.object({ id_token: z.string().max(16_384) });
const http = new HttpClient({ maxBytes: 1024 * 1024 });
const random = (): string => randomBytes(32).toString('base64url');

const notBegun = (): Refusal =>
  new Refusal('forbidden', 'this sign-in was not begun in this browser, or longer than ten minutes ago');

export const beginSignIn = (): BegunSignIn => ({ state: random(), nonce: random(), verifier: random() });

async function discovered(issuer: string): Promise<z.infer<typeof discoverySchema>> {
  const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const { status, text } = await http.send({ method: 'GET', url, timeoutMs: ASK_MS });
  if (status !== 200) throw new Error(`${url.href} answers ${status}`);
  const found = discoverySchema.parse(JSON.parse(text));
  if (found.issuer !== issuer) throw new Error(`${url.href} is about the issuer ${found.issuer}`);
  return found;
}

/** Where the browser goes to sign in. @throws Error when the issuer does not say */
export async function authorizationUrl(
  settings: OidcFlowSettings,
  { state, nonce, verifier }: BegunSignIn,
): Promise<string> {
  const url = new URL((await discovered(settings.issuer)).authorization_endpoint);
  const query = {
    response_type: 'code',
    client_id: settings.clientId,
    redirect_uri: settings.redirectUrl,
    scope: settings.scopes,
    ...{ state, nonce },
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Turns what the issuer sent the browser back with into an ID token. Whether the token is genuine is for the
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
  if (issuer !== null && issuer !== settings.issuer) throw new Refusal('forbidden', 'the answer is of another issuer');
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
  const url = new URL((await discovered(settings.issuer)).token_endpoint);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const { status, text } = await http.send({ method: 'POST', url, headers, body: form.toString(), timeoutMs: ASK_MS });
  if (status !== 200) throw new Refusal('forbidden', `the issuer does not exchange the code (${status})`);
  const { id_token: token } = tokenSchema.parse(JSON.parse(text));
  if (decodeJwt(token)['nonce'] !== begun.nonce) throw new Refusal('forbidden', 'the token belongs to another sign-in');
  return token;
}
