import { cookiePattern, expiredCookie, keptCookie } from './affinity.js';

const affinity = { cookie: 'scc-canary-0a1b', value: '0a1b', maxAgeS: 3600 };

describe('the cookie of a canary', () => {
  it('is kept for as long as the plan says, and taken away under the same name and path', () => {
    expect(keptCookie(affinity)).toBe('scc-canary-0a1b=0a1b; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax');
    expect(expiredCookie(affinity)).toBe('scc-canary-0a1b=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax');
  });

  it.each<[string, string, boolean]>([
    ['alone', 'scc-canary-0a1b=0a1b', true],
    ['behind others', 'a=1; b=2; scc-canary-0a1b=0a1b', true],
    ['before others', 'scc-canary-0a1b=0a1b; a=1', true],
    ['without blanks', 'a=1;scc-canary-0a1b=0a1b;b=2', true],
    ['of another plan', 'scc-canary-0a1b=ffff', false],
    ['that goes on', 'scc-canary-0a1b=0a1bc', false],
    ['whose name goes on before', 'x-scc-canary-0a1b=0a1b', false],
    ['that was taken away', 'scc-canary-0a1b=', false],
    ['within the value of another', 'a=scc-canary-0a1b=0a1b', false],
  ])('%s is told from all else', (_case, header, isThere) => {
    expect(new RegExp(cookiePattern(affinity)).test(header)).toBe(isThere);
  });
});
