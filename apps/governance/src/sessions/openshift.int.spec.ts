import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '@scc/testing/ports';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { CALLBACK_PATH, SIGN_IN_PATH } from './serve-sign-in.js';

/** OpenShift as a client of its OAuth server meets it: the API server's words about it, and its two endpoints. */
class TestOAuth {
  readonly #codes = new Map<string, URLSearchParams>();
  readonly #server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', this.url);
    const answer = (body: object, status = 200): unknown =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/.well-known/oauth-authorization-server')
      answer({
        issuer: 'https://oauth-openshift.apps.example',
        authorization_endpoint: `${this.url}/oauth/authorize`,
        token_endpoint: `${this.url}/oauth/token`,
        scopes_supported: ['user:info', 'user:full'],
        code_challenge_methods_supported: ['plain', 'S256'],
      });
    else if (url.pathname === '/oauth/authorize') {
      const code = `sha256~${randomBytes(16).toString('base64url')}`;
      this.#codes.set(code, url.searchParams);
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('code', code);
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      response.writeHead(302, { location: back.href }).end();
    } else if (url.pathname === '/oauth/token')
      void text(request).then((body) => {
        const form = new URLSearchParams(body);
        const asked = this.#codes.get(form.get('code') ?? '');
        this.#codes.delete(form.get('code') ?? '');
        const challenge = createHash('sha256').update(form.get('code_verifier') ?? '');
        const isTheirs =
          asked !== undefined &&
          form.get('client_secret') === 'of the client' &&
          asked.get('client_id') === form.get('client_id') &&
          asked.get('code_challenge') === challenge.digest('base64url');
        // The API of the test knows this token as that of a viewer.
        if (isTheirs)
          answer({ access_token: this.token, token_type: 'Bearer', expires_in: 86_400, scope: 'user:info' });
        else answer({ error: 'invalid_grant' }, 400);
      });
    else response.writeHead(404).end();
  });
  token = 'mia/viewer';

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const oauth = new TestOAuth();
const database = governanceSuite();
let test: TestApi;
beforeAll(async () => {
  await oauth.start();
  const port = await freePort();
  const redirectUrl = `http://127.0.0.1:${port}${CALLBACK_PATH}`;
  const client = { clientId: 'scc-console', clientSecret: 'of the client', scopes: 'user:info' };
  test = await startTestApi(database.app, {
    port,
    signIn: { kind: 'openshift', issuer: oauth.url, redirectUrl, ...client },
  });
}, 60_000);
afterAll(async () => {
  await test.close();
  oauth.stop();
});

const visit = (url: string, cookie = ''): Promise<Response> =>
  fetch(url, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } });
const pairOf = (response: Response, name: string): string =>
  response.headers
    .getSetCookie()
    .find((cookie) => cookie.startsWith(`${name}=`) && !cookie.includes('Max-Age=0'))
    ?.split(';')[0] ?? '';

async function comeBack(): Promise<Response> {
  const begun = await visit(`${test.url}${SIGN_IN_PATH}`);
  const asked = new URL(begun.headers.get('location') ?? '');
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    ...{ response_type: 'code', client_id: 'scc-console', scope: 'user:info', code_challenge_method: 'S256' },
  });
  expect(asked.searchParams.has('nonce')).toBe(false);
  const back = (await visit(asked.href)).headers.get('location') ?? '';
  return visit(back, pairOf(begun, '__Host-scc-sign-in'));
}

describe('the sign-in with OpenShift', () => {
  it('is offered by its name', async () => {
    const { body } = await test.call('', 'GET', '/v1/sign-in');
    expect(body).toMatchObject({ oidc: { start: SIGN_IN_PATH, name: 'OpenShift' } });
  });

  it('ends in a session of the user whom the API server names', async () => {
    const done = await comeBack();
    expect([done.status, done.headers.get('location')]).toEqual([303, '/']);
    const cookie = pairOf(done, '__Host-scc-session');
    const me = await test.call('', 'GET', '/v1/me', { headers: { cookie } });
    expect(me).toMatchObject({ status: 200, body: { name: 'mia', authenticatedBy: 'tokenReview' } });
  });

  it('begins no session with a token that the API server does not know', async () => {
    oauth.token = 'unknown';
    const done = await comeBack();
    expect(decodeURIComponent(done.headers.get('location') ?? '')).toContain('the token is not accepted');
    expect(pairOf(done, '__Host-scc-session')).toBe('');
  });
});
