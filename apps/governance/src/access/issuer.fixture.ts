import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
  /** What it says about itself beside the necessary. */
  more: object = {};
  /** How often its keys were asked for. */
  keyRequests = 0;
  /** How often it was asked for anything. */
  requests = 0;
  readonly #published: object[] = [];
  readonly #server = createServer((request, response) => {
    this.requests += 1;
    if (this.isDown) response.writeHead(503).end();
    else if (request.url === '/.well-known/openid-configuration')
      response.end(JSON.stringify({ issuer: this.url, jwks_uri: this.keysUrl, ...this.more }));
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

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
