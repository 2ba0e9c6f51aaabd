import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '@scc/testing/ports';
import type { Browser } from 'playwright-core';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { CALLBACK_PATH } from '../sessions/serve-sign-in.js';
import { governanceSuite } from '../suite.fixture.js';
import { loopbackPair, openPage, seriousFindings } from './browser.fixture.js';
import { startBrowser } from './chromium.fixture.js';
import { type Issuer, signInByIssuer, startIssuer } from './issuer.fixture.js';

const database = governanceSuite();
let issuer: Issuer;
let test: TestApi;
let browser: Browser;
beforeAll(async () => {
  const port = await freePort();
  const redirectUrl = `https://127.0.0.1:${port}${CALLBACK_PATH}`;
  issuer = await startIssuer(redirectUrl);
  const client = { clientId: 'console', clientSecret: null, scopes: 'openid groups' };
  test = await startTestApi(database.app, {
    ...{ port, keyPair: await loopbackPair() },
    env: { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: 'console', OIDC_PREFIX: '-' },
    signIn: { kind: 'oidc', issuer: issuer.url, redirectUrl, ...client },
  });
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser.close();
  await test.close();
  issuer.stop();
});

it('signs a user in by a real issuer, with its groups as roles, and out for good', async () => {
  const { page, faults } = await openPage(browser);
  await page.goto(test.url);
  const way = page.getByRole('link', { name: `Sign in with ${new URL(issuer.url).host}` });
  await way.waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await signInByIssuer(page, 'mia');
  await page.getByText('mia', { exact: true }).waitFor();
  expect(page.url()).toBe(`${test.url}/`);
  expect(await page.evaluate('document.cookie')).toBe('');
  const cookies = await page.context().cookies(test.url);
  const session = cookies.find(({ name }) => name === '__Host-scc-session');
  expect(session).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict' });
  expect(cookies.some(({ name }) => name === '__Host-scc-sign-in')).toBe(false);

  // What any page of this host could send without the proof that only the console's own pages hold.
  const refused = await page.evaluate<string>(
    `fetch('/v1/scans', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((answer) => answer.text())`,
  );
  expect(refused).toContain('x-csrf-token');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  const again = await fetchWith(`${session?.name}=${session?.value}`);
  expect(again).toBe(401);
  expect(faults).toEqual([]);
});

/** What a kept copy of the cookie is still good for. */
async function fetchWith(cookie: string): Promise<number> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, extraHTTPHeaders: { cookie } });
  const answer = await context.request.get(`${test.url}/v1/me`);
  return answer.status();
}
