import { describe, expect, it } from '@jest/globals';
import {
  cookieOf,
  csrfTokenOf,
  idHashOf,
  isCsrfToken,
  newSessionSecret,
  openToken,
  sealToken,
  sessionSecretOf,
  sessionCookie,
} from './secret.js';

describe('the secret of a session', () => {
  it('opens its token, and no other secret does', () => {
    const [secret, other] = [newSessionSecret(), newSessionSecret()];
    const sealed = sealToken(secret, 'a token');
    expect(openToken(secret, sealed)).toBe('a token');
    expect(() => openToken(other, sealed)).toThrow();
    sealed[30] = (sealed[30] ?? 0) ^ 1;
    expect(() => openToken(secret, sealed)).toThrow();
  });

  it('appears in nothing that is stored', () => {
    const secret = newSessionSecret();
    const stored = Buffer.concat([idHashOf(secret), sealToken(secret, 'a token')]);
    expect(stored.includes(secret)).toBe(false);
    expect(stored.includes('a token')).toBe(false);
  });

  it('has one proof that a page sends along', () => {
    const secret = newSessionSecret();
    expect(isCsrfToken(secret, csrfTokenOf(secret))).toBe(true);
    for (const wrong of [undefined, '', csrfTokenOf(newSessionSecret()), secret])
      expect(isCsrfToken(secret, wrong)).toBe(false);
  });

  it('comes back from the cookie that it was put into', () => {
    const secret = newSessionSecret();
    const [pair = ''] = sessionCookie(secret).split(';');
    expect(sessionSecretOf(`other=1; ${pair}`)).toBe(secret);
    expect(sessionCookie(secret)).toMatch(/^__Host-.*; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  });

  it.each([undefined, '', '__Host-scc-session=short', 'x__Host-scc-session=1', `__Host-scc-session=${'é'.repeat(43)}`])(
    'is not found in %s',
    (header) => {
      expect(sessionSecretOf(header)).toBeUndefined();
    },
  );

  it('is not chosen from two', () => {
    const pair = (): string => sessionCookie(newSessionSecret()).split(';')[0] ?? '';
    expect(sessionSecretOf(`${pair()}; ${pair()}`)).toBeUndefined();
    expect(cookieOf('a=1=2', 'a')).toBe('1=2');
  });
});
