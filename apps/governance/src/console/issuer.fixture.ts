import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import type { Page } from 'playwright-core';

export interface Issuer {
  url: string;
  stop: () => void;
}

interface IssuerOptions {
  /** Any free one unless said. */
  port?: number;
  groupsOf?: (user: string) => string[];
}

/** A real issuer with pages of its own: discovery, PKCE, consent, keys that rotate, codes that are good once. */
export async function startIssuer(
  redirectUrl: string,
  { port = 0, groupsOf = () => ['viewer'] }: IssuerOptions = {},
): Promise<Issuer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, {
    clients: [
      {
        ...{ client_id: 'console', token_endpoint_auth_method: 'none', redirect_uris: [redirectUrl] },
        ...{ response_types: ['code'], grant_types: ['authorization_code'] },
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], groups: ['groups'] },
    conformIdTokenClaims: false,
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => Promise.resolve({ sub: id, groups: groupsOf(id) }),
    }),
    features: { devInteractions: { enabled: true } },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    cookies: { keys: ['of a test'] },
  });
  const serve = provider.callback();
  server.on('request', (request, response) => void serve(request, response));
  return {
    url,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Signs a user in on the pages of such an issuer, from the page of the console that offers it. */
export async function signInByIssuer(page: Page, user: string): Promise<void> {
  await page.getByRole('link', { name: /^Sign in with 127\.0\.0\.1:/ }).click();
  await page.locator('input[name=login]').fill(user);
  await page.locator('input[name=password]').fill('anything');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}
