import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export interface Keys {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}
export const newKeys = (): Promise<Keys> => generateKeyPair('RS256', { extractable: true });

/** An issuer of people's tokens on the loopback: discovery and keys over HTTP. */
export class TestIssuer {
  /** While true, it answers 503. */
  isDown = false;
  /** Words about itself beside the necessary. */
  more: object = {};
  /** How often its keys were asked for. */
  keyRequests = 0;
  /** How often it was asked for anything. */
  requests = 0;
  /** Who the browser is signed in as; null refuses. */
  user: string | null = null;
  readonly #codes = new Map<string, URLSearchParams>();
  readonly #published: object[] = [];
  readonly #server = createServer((request, response) => {
    this.requests += 1;
    if (this.isDown) response.writeHead(503).end();
    else if (request.url === '/.well-known/openid-configuration')
      response.end(
        JSON.stringify({
          issuer: this.url,
          jwks_uri: this.keysUrl,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          ...this.more,
        }),
      );
    else if (request.url?.startsWith('/authorize?')) this.#authorize(new URL(request.url, this.url), response);
    else if (request.url === '/token') void this.#exchange(request, response);
    else if (request.url === '/keys') {
      this.keyRequests += 1;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: this.#published }));
    } else response.writeHead(404).end();
  });
  readonly keys: Keys;

  private constructor(keys: Keys) {
    this.keys = keys;
  }

  static async start(): Promise<TestIssuer> {
    const issuer = new TestIssuer(await newKeys());
    await issuer.publish(issuer.keys, 'one');
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get keysUrl(): string {
    return `${this.url}/keys`;
  }

  async publish({ publicKey }: Keys, kid: string): Promise<void> {
    this.#published.push({ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' });
  }

  sign(payload: JWTPayload, { key = this.keys.privateKey, kid = 'one' } = {}): Promise<string> {
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign(key);
  }

  #authorize(url: URL, response: ServerResponse): void {
    const { searchParams: asked } = url;
    const back = new URL(asked.get('redirect_uri') ?? '');
    back.searchParams.set('state', asked.get('state') ?? '');
    if (this.user === null) back.searchParams.set('error', 'access_denied');
    else {
      const code = randomUUID();
      this.#codes.set(code, asked);
      back.searchParams.set('code', code);
    }
    response.writeHead(302, { location: back.href }).end();
  }

  /** Takes a code once, from the client that it was given to, with the verifier of its challenge. */
  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    const code = form.get('code') ?? '';
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isSame = ['redirect_uri', 'client_id'].every((name) => form.get(name) === asked?.get(name));
    if (
      !asked ||
      !isSame ||
      asked.get('code_challenge_method') !== 'S256' ||
      asked.get('code_challenge') !== challenge
    ) {
      response.writeHead(400).end();
      return;
    }
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.url, aud: asked.get('client_id') ?? '', sub: this.user ?? '', iat: now, exp: now + 300 };
    const token = await this.sign({ ...claims, groups: ['viewer'], nonce: asked.get('nonce') });
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ id_token: token, token_type: 'Bearer' }));
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
