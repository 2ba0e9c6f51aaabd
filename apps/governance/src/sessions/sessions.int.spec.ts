import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type GuardedApi, type SignedIn, startGuarded, TestCluster } from '../access.fixture.js';
import { domainDatabase, type DomainDatabase, row } from '../governance.fixture.js';
import { Sessions } from './sessions.js';

const cluster = new TestCluster();
let now = Date.now();
let database: DomainDatabase;
let guarded: GuardedApi;
let token: string;
let ana: SignedIn;

beforeAll(async () => {
  database = await domainDatabase();
  guarded = await startGuarded(database.app, { cluster, env: { ADMIN_USERS: 'ana' }, now: () => now });
}, 60_000);
afterAll(async () => {
  await guarded.close();
  await database.close();
});
beforeEach(async () => {
  token = cluster.issue('ana');
  ana = await guarded.signIn(token);
});

const stop = { namespace: 'shop', reason: 'a test of the console' };
const count = () => row(database.app, 'select count(*)::int as count from console_session where subject = $1', 'ana');

describe('a session of the console', () => {
  it('is known by its cookie alone', async () => {
    expect(await guarded.call(ana, 'GET', '/v1/me')).toMatchObject({ status: 200, body: { name: 'ana' } });
    expect(await guarded.call(ana, 'GET', '/v1/session')).toMatchObject({ body: { csrfToken: ana.csrfToken } });
    expect(ana.setCookie).toMatch(/^__Host-scc-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  });

  it('writes only with the token that its pages know', async () => {
    const writes = (csrfToken: string) => guarded.call({ ...ana, csrfToken }, 'POST', '/v1/stops', stop);
    for (const wrong of ['', 'wrong']) {
      const refused = await writes(wrong);
      expect([refused.status, refused.detail]).toEqual([403, expect.stringContaining('x-csrf-token')]);
    }
    expect(await writes(ana.csrfToken)).toMatchObject({ status: 201 });
  });

  it.each(['cross-site', 'same-site'])('is of no use to a page that is %s', async (site) => {
    const asked = await guarded.call({ ...ana, headers: { 'sec-fetch-site': site } }, 'GET', '/v1/me');
    expect(asked.status).toBe(401);
  });

  it('ends when its user signs out', async () => {
    const out = await guarded.call(ana, 'DELETE', '/v1/session');
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    const after = await guarded.call(ana, 'GET', '/v1/me');
    expect([after.status, after.headers.get('set-cookie')]).toEqual([401, expect.stringContaining('Max-Age=0')]);
  });

  it('ends when its token does', async () => {
    cluster.revoke(token);
    now += 61_000;
    expect(await guarded.call(ana, 'GET', '/v1/me')).toMatchObject({ status: 401 });
  });

  it('is stored so that the table opens nothing', async () => {
    const stored = JSON.stringify(await database.app.query('select * from console_session'));
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    for (const secret of [token, ana.cookie.split('=')[1] ?? '']) {
      expect(stored).not.toContain(secret);
      expect(Buffer.from(stored).toString('hex')).not.toContain(hex(secret));
    }
  });

  it('ends after half a day, and sooner when it is not used', async () => {
    const sessions = new Sessions(database.app);
    const start = new Date('2026-01-01T00:00:00Z');
    const after = (minutes: number): Date => new Date(start.getTime() + minutes * 60_000);
    const { secret } = await sessions.begin({ name: 'bo', token: 'a token' }, start);
    for (let minutes = 0; minutes < 12 * 60; minutes += 110)
      expect(await sessions.find(secret, after(minutes))).toMatchObject({ token: 'a token' });
    expect(await sessions.find(secret, after(12 * 60))).toBeNull();
    const unused = await sessions.begin({ name: 'bo', token: 'a token' }, start);
    expect(await sessions.find(unused.secret, after(120))).toBeNull();
  });

  it('is one of at most 20 of its user; the oldest ends', async () => {
    const started = await Promise.all(Array.from({ length: 25 }, () => guarded.signIn(token)));
    expect(await count()).toEqual({ count: 20 });
    const answers = await Promise.all(started.map((session) => guarded.call(session, 'GET', '/v1/session')));
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(19);
    expect(await guarded.call(ana, 'GET', '/v1/session')).toMatchObject({ status: 401 });
  });

  it('begins with a token and not with another session', async () => {
    expect(await guarded.call(ana, 'POST', '/v1/session')).toMatchObject({ status: 409 });
    expect(await guarded.call('wrong', 'POST', '/v1/session')).toMatchObject({ status: 401 });
    expect(await guarded.call(token, 'DELETE', '/v1/session')).toMatchObject({ status: 409 });
  });

  it('says how to sign in to everybody', async () => {
    expect(await guarded.call(null, 'GET', '/v1/sign-in')).toMatchObject({
      status: 200,
      body: { token: true, oidc: null },
    });
  });
});
