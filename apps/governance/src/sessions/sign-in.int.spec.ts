import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { TestIssuer } from '../access/issuer.fixture.js';
import { domainDatabase, type DomainDatabase } from '../governance.fixture.js';
import { CALLBACK_PATH, SIGN_IN_PATH } from './serve-sign-in.js';

let issuer: TestIssuer;
let database: DomainDatabase;
let test: TestApi;

/** The redirect names the port before the API listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  issuer = await TestIssuer.start();
  database = await domainDatabase();
  const port = await freePort();
  const redirectUrl = `http://127.0.0.1:${port}${CALLBACK_PATH}`;
  test = await startTestApi(database.app, {
    port,
    env: { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: 'console', OIDC_PREFIX: '-' },
    signIn: {
      kind: 'oidc',
      issuer: issuer.url,
      clientId: 'console',
      clientSecret: null,
      scopes: 'openid',
      redirectUrl,
    },
  });
}, 60_000);
afterAll(async () => {
  await test.close();
  await database.close();
  issuer.stop();
});
beforeEach(() => {
  issuer.user = 'ana';
  issuer.isDown = false;
});

const visit = (url: string, cookie = '') =>
  fetch(url, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } });
const locationOf = (response: Response): string => response.headers.get('location') ?? '';
const cookieIn = (response: Response, name: string): string =>
  response.headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`) && !cookie.includes('Max-Age=0')) ??
  '';
const pairOf = (cookie: string): string => cookie.split(';')[0] ?? '';

/** Goes to the issuer as a browser does. @returns what the browser holds, and where the issuer sends it */
async function toIssuer(): Promise<{ cookie: string; back: string }> {
  const begun = await visit(`${test.url}${SIGN_IN_PATH}`);
  expect(begun.status).toBe(303);
  const asked = new URL(locationOf(begun));
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    response_type: 'code',
    client_id: 'console',
    scope: 'openid',
    code_challenge_method: 'S256',
  });
  const cookie = cookieIn(begun, '__Host-scc-sign-in');
  expect(cookie).toMatch(/; Secure; HttpOnly; SameSite=Lax$/);
  return { cookie: pairOf(cookie), back: locationOf(await visit(asked.href)) };
}

describe('the sign-in with an issuer', () => {
  it('is offered where it is configured', async () => {
    const { body } = await test.call('', 'GET', '/v1/sign-in');
    expect(body).toEqual({ token: true, oidc: { issuer: issuer.url, start: SIGN_IN_PATH } });
  });

  it('ends in a session of the user whom the issuer names', async () => {
    const { cookie, back } = await toIssuer();
    const done = await visit(back, cookie);
    expect([done.status, locationOf(done)]).toEqual([303, '/']);
    const session = cookieIn(done, '__Host-scc-session');
    expect(session).toMatch(/; Secure; HttpOnly; SameSite=Strict$/);
    const me = await test.call('', 'GET', '/v1/me', { headers: { cookie: pairOf(session) } });
    expect(me).toMatchObject({ status: 200, body: { name: 'ana', authenticatedBy: 'oidc' } });
  });

  it.each<[string, () => Promise<{ cookie: string; back: string }>, RegExp]>([
    ['another browser', async () => ({ ...(await toIssuer()), cookie: '' }), /not begun in this browser/],
    [
      'another sign-in',
      async () => ({ cookie: (await toIssuer()).cookie, back: (await toIssuer()).back }),
      /not begun in this browser/,
    ],
    [
      'a code that was used',
      async () => {
        const first = await toIssuer();
        await visit(first.back, first.cookie);
        return first;
      },
      /does not exchange the code/,
    ],
    [
      'another issuer',
      async () => {
        const { cookie, back } = await toIssuer();
        return { cookie, back: `${back}&iss=https://evil.example` };
      },
      /another issuer/,
    ],
    [
      'a refusal',
      () => {
        issuer.user = null;
        return toIssuer();
      },
      /the issuer refused: access_denied/,
    ],
    [
      'a user whose name is one of the cluster',
      () => {
        issuer.user = 'system:admin';
        return toIssuer();
      },
      /the token is not accepted/,
    ],
  ])('begins no session by %s', async (_by, way, why) => {
    const { cookie, back } = await way();
    const done = await visit(back, cookie);
    expect(decodeURIComponent(locationOf(done))).toMatch(/^\/#\/\?refused=/);
    expect(decodeURIComponent(locationOf(done))).toMatch(why);
    expect(cookieIn(done, '__Host-scc-session')).toBe('');
  });

  it('says that the issuer is away', async () => {
    issuer.isDown = true;
    const begun = await visit(`${test.url}${SIGN_IN_PATH}`);
    expect(decodeURIComponent(locationOf(begun))).toContain('the issuer does not answer as it should');
  });
});
