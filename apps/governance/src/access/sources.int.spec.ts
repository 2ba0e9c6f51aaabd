import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Logger } from '@scc/runtime';
import { pino } from 'pino';
import { z } from 'zod';
import { domainDatabase, type DomainDatabase } from '../governance.fixture.js';
import { type GuardedApi, startGuarded, TestCluster } from '../access.fixture.js';
import { TestIssuer } from './issuer.fixture.js';
import type { AccessReview } from './kubernetes.js';
import type { AccessMode } from './settings.js';

/** Where permissions come from, and what happens when their source does not answer. */

let database: DomainDatabase;
let cluster: TestCluster;
let guarded: GuardedApi;
let time: number;
let lines: string[];
beforeAll(async () => {
  database = await domainDatabase();
  await database.app.query(
    `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values
     ('viewer', 'User', 'vera', 'team-a-*', 'test'), ('approver', 'User', 'vera', 'team-a-*', 'test'),
     ('admin', 'User', 'ada', '*', 'test')`,
  );
}, 60_000);
afterAll(() => database.close());
afterEach(() => guarded.close());

async function start(mode: AccessMode, env: Record<string, string> = {}): Promise<void> {
  cluster = new TestCluster();
  time = Date.parse('2026-03-10T12:00:00Z');
  lines = [];
  const log: Logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  guarded = await startGuarded(database.app, { cluster, env: { ACCESS_MODE: mode, ...env }, now: () => time, log });
}
const statusOf = async (token: string, path: string): Promise<number> =>
  (await guarded.call(token, 'GET', path)).status;

/** RBAC that grants verbs of virtual resources in one namespace, or everywhere. */
const grants =
  (user: string, rules: { resource: string; verb: string; namespace?: string; name?: string }[]) =>
  ({ user: asked, resourceAttributes: { group, resource, verb, namespace, name } }: AccessReview): boolean =>
    asked === user &&
    group === 'governance.scc.poc' &&
    rules.some(
      (rule) =>
        rule.resource === resource &&
        rule.verb === verb &&
        (rule.namespace === undefined || rule.namespace === namespace) &&
        (rule.name === undefined || rule.name === name),
    );

describe('bindings alone', () => {
  beforeEach(() => start('bindings'));

  it('do not ask the cluster what a caller may do', async () => {
    cluster.rbac = () => true;
    const stranger = cluster.issue('stranger');
    expect(await statusOf(stranger, '/v1/pods')).toBe(403);
    expect(await statusOf(cluster.issue('vera'), '/v1/pods')).toBe(200);
  });

  it('tell who a caller is, and why they may', async () => {
    const { body } = await guarded.call(cluster.issue('vera', { groups: ['team-a'] }), 'GET', '/v1/me');
    expect(body).toMatchObject({
      name: 'vera',
      groups: ['team-a'],
      authenticatedBy: 'tokenReview',
      mode: 'bindings',
      roles: [
        {
          role: 'viewer',
          namespaces: 'team-a-*',
          because: expect.stringMatching(/^role binding \d+ of User vera$/) as unknown,
        },
        { role: 'approver', namespaces: 'team-a-*' },
      ],
      permissions: expect.arrayContaining([
        {
          permission: 'approvals:decide',
          namespaces: ['team-a-*'],
          roles: ['approver'],
          rbac: 'decide approvals.governance.scc.poc',
        },
      ]) as unknown,
    });
    const worker = cluster.issue('system:serviceaccount:scc-system:worker');
    expect((await guarded.call(worker, 'GET', '/v1/me')).body).toMatchObject({
      roles: [{ role: 'engine', namespaces: '*', because: 'ENGINE_SERVICE_ACCOUNT' }],
    });
  });
});

describe('the cluster alone', () => {
  beforeEach(() => start('kubernetes'));

  it('grants by virtual resources, and bindings count for nothing', async () => {
    expect(await statusOf(cluster.issue('ada'), '/v1/pods')).toBe(403);
    cluster.rbac = grants('carl', [{ resource: 'pods', verb: 'read' }]);
    const carl = cluster.issue('carl');
    expect(await statusOf(carl, '/v1/pods')).toBe(200);
    expect(await statusOf(carl, '/v1/migrations')).toBe(403);
  });

  it('grants in a namespace what is asked for there', async () => {
    cluster.rbac = grants('carl', [{ resource: 'pods', verb: 'read', namespace: 'shop' }]);
    const carl = cluster.issue('carl');
    expect(await statusOf(carl, '/v1/pods?namespace=shop')).toBe(200);
    expect(await statusOf(carl, '/v1/pods?namespace=bank')).toBe(403);
    const all = await guarded.call(carl, 'GET', '/v1/pods');
    expect([all.status, all.detail.includes('name one with ?namespace=')]).toEqual([403, true]);
  });

  it('says who holds a role', async () => {
    cluster.rbac = grants('carl', [{ resource: 'roles', verb: 'hold', name: 'approver', namespace: 'shop' }]);
    const carl = cluster.issue('carl');
    expect((await guarded.call(carl, 'GET', '/v1/me?namespace=shop')).body).toMatchObject({
      mode: 'kubernetes',
      roles: [{ role: 'approver', namespaces: 'shop', because: 'RBAC of the cluster: hold approver' }],
    });
    expect((await guarded.call(carl, 'GET', '/v1/me')).body).toMatchObject({ roles: [] });
  });

  it('withdraws within ten seconds', async () => {
    cluster.rbac = grants('carl', [{ resource: 'pods', verb: 'read' }]);
    const carl = cluster.issue('carl');
    expect(await statusOf(carl, '/v1/pods')).toBe(200);
    cluster.rbac = () => false;
    time += 10_000;
    expect(await statusOf(carl, '/v1/pods')).toBe(403);
  });
});

describe('both', () => {
  beforeEach(() => start('both'));

  it('allow what each of them allows', async () => {
    const vera = cluster.issue('vera');
    expect(await statusOf(vera, '/v1/pods')).toBe(403);
    cluster.rbac = grants('vera', [{ resource: 'pods', verb: 'read' }]);
    time += 10_000;
    expect(await statusOf(vera, '/v1/pods')).toBe(200);
    expect(await statusOf(vera, '/v1/pods?namespace=team-a-prod')).toBe(200);
    expect(await statusOf(vera, '/v1/pods?namespace=shop')).toBe(403);
    expect(await statusOf(vera, '/v1/migrations')).toBe(403);
    expect(await statusOf(cluster.issue('carl'), '/v1/pods')).toBe(403);
  });

  it('count a role when each of them does', async () => {
    cluster.rbac = grants('vera', [{ resource: 'roles', verb: 'hold', name: 'viewer' }]);
    const { body } = await guarded.call(cluster.issue('vera'), 'GET', '/v1/me');
    expect(z.object({ roles: z.array(z.object({ role: z.string() })) }).parse(body).roles).toEqual([
      { role: 'viewer' },
    ]);
  });
});

describe('a token', () => {
  beforeEach(() => start('bindings'));

  it('that is meant for another service is not accepted', async () => {
    const token = cluster.issue('ada', { audience: 'https://kubernetes.default.svc' });
    expect(await statusOf(token, '/v1/me')).toBe(401);
  });

  it('that was revoked opens nothing after a minute', async () => {
    const token = cluster.issue('ada');
    expect(await statusOf(token, '/v1/pods')).toBe(200);
    cluster.revoke(token);
    time += 59_999;
    expect(await statusOf(token, '/v1/pods')).toBe(200);
    time += 1;
    expect(await statusOf(token, '/v1/pods')).toBe(401);
  });

  it('is never in the log, and its failure is', async () => {
    const good = cluster.issue('ada');
    const bad = `token-${'f'.repeat(36)}`;
    await statusOf(good, '/v1/pods');
    expect(await statusOf(bad, '/v1/pods')).toBe(401);
    cluster.isAway = true;
    expect(await statusOf(`${bad}2`, '/v1/pods')).toBe(503);
    const text = lines.join('');
    expect(text).toContain('authentication failed');
    expect(text).toContain('access check failed');
    expect([text.includes(good), text.includes(bad)]).toEqual([false, false]);
  });

  it('is not guessed by one address more often than now and then', async () => {
    const statuses = new Map<number, number>();
    let last: Response | undefined;
    for (let guess = 0; guess < 50; guess += 1) {
      const { status, headers } = await guarded.call(`guess-${guess}`, 'GET', '/v1/me');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 429) last = new Response(null, { headers });
    }
    expect([...statuses]).toEqual([
      [401, 20],
      [429, 30],
    ]);
    expect(last?.headers.get('retry-after')).toBe('3');
  });
});

describe('behind a proxy', () => {
  /** One guess of the client at an address, as the proxy on the loopback passes it on. */
  const guess = async (forwardedFor: string, token = 'a-guess'): Promise<number> => {
    const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': forwardedFor };
    return (await fetch(`http://127.0.0.1:${guarded.api.port}/v1/me`, { headers })).status;
  };
  const guessUntilRefused = async (forwardedFor: string): Promise<void> => {
    for (let count = 0; count < 20; count += 1) expect(await guess(forwardedFor)).toBe(401);
    expect(await guess(forwardedFor)).toBe(429);
  };

  it('that is trusted, each client has failures of its own', async () => {
    await start('bindings', { TRUSTED_PROXIES: '127.0.0.0/8' });
    await guessUntilRefused('198.51.100.1');
    expect(await guess('198.51.100.2')).toBe(401);
    // An entry that the client itself wrote before the proxy's own changes nothing.
    expect(await guess('203.0.113.77, 198.51.100.1')).toBe(429);
    expect(await guess('198.51.100.1', cluster.issue('ada'))).toBe(429);
    expect(await guess('198.51.100.2', cluster.issue('ada'))).toBe(200);
    expect(lines.join('')).toContain('"address":"198.51.100.1"');
  });

  it.each([
    ['no proxy is trusted', {}],
    ['another network is', { TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8' }],
  ])('what it says of the client is ignored when %s', async (_name, env: Record<string, string>) => {
    await start('bindings', env);
    for (let count = 0; count < 20; count += 1) expect(await guess(`198.51.100.${count}`)).toBe(401);
    expect(await guess('203.0.113.9')).toBe(429);
    expect(lines.join('')).toContain('"address":"127.0.0.1"');
    expect(lines.join('')).not.toContain('198.51.100');
  });
});

describe('while the API server is away', () => {
  it('no new caller is let in, nor shut out as unknown', async () => {
    await start('bindings');
    const [known, fresh] = [cluster.issue('ada'), cluster.issue('vera')];
    expect(await statusOf(known, '/v1/pods')).toBe(200);
    cluster.isAway = true;
    expect(await statusOf(fresh, '/v1/pods')).toBe(503);
    expect(await statusOf(known, '/v1/pods')).toBe(200);
    time += 60_000;
    expect(await statusOf(known, '/v1/pods')).toBe(503);
    cluster.isAway = false;
    expect(await statusOf(known, '/v1/pods')).toBe(200);
  });

  it('nothing is allowed that only it could allow', async () => {
    await start('both');
    cluster.rbac = () => true;
    const ada = cluster.issue('ada');
    expect(await statusOf(ada, '/v1/pods')).toBe(200);
    cluster.isAway = true;
    time += 10_000;
    expect(await statusOf(ada, '/v1/pods')).toBe(503);
    expect((await guarded.call(ada, 'GET', '/v1/pods')).headers.get('retry-after')).toBe('1');
  });
});

describe('people with an issuer of their own', () => {
  let issuer: TestIssuer;
  beforeAll(async () => {
    issuer = await TestIssuer.start();
  });
  afterAll(() => issuer.stop());
  beforeEach(() =>
    start('bindings', { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: 'governance', ADMIN_USERS: 'oidc:ana' }),
  );
  const tokenFor = (sub: string, exp = 3600): Promise<string> =>
    issuer.sign({
      iss: issuer.url,
      aud: 'governance',
      sub,
      groups: ['system:masters'],
      iat: time / 1000,
      exp: time / 1000 + exp,
    });

  it('are known by it, under a name of their own', async () => {
    const { body } = await guarded.call(await tokenFor('ana'), 'GET', '/v1/me');
    expect(body).toMatchObject({
      name: 'oidc:ana',
      groups: ['oidc:system:masters'],
      authenticatedBy: 'oidc',
      roles: [{ role: 'admin', because: 'ADMIN_USERS' }],
    });
    expect(await statusOf(await tokenFor('ada'), '/v1/pods')).toBe(403);
  });

  it('are let in no longer than their token lasts, in spite of what is remembered', async () => {
    const token = await tokenFor('ana', 5);
    expect(await statusOf(token, '/v1/pods')).toBe(200);
    time += 66_000;
    expect(await statusOf(token, '/v1/pods')).toBe(401);
  });

  it('do not get in by a token of the cluster that names the issuer', async () => {
    const forged = await issuer.sign({
      iss: issuer.url,
      aud: 'somebody-else',
      sub: 'ana',
      iat: time / 1000,
      exp: time / 1000 + 60,
    });
    cluster.rbac = () => true;
    expect(await statusOf(forged, '/v1/pods')).toBe(401);
  });

  it('whose groups the issuer left out are told so, and are not taken for people without groups', async () => {
    const overage = await issuer.sign({
      iss: issuer.url,
      aud: 'governance',
      sub: 'ana',
      _claim_names: { groups: 'src1' },
      iat: time / 1000,
      exp: time / 1000 + 60,
    });
    for (let again = 0; again < 30; again += 1) {
      const { status, detail, headers } = await guarded.call(overage, 'GET', '/v1/pods');
      expect([status, headers.get('www-authenticate')]).toEqual([403, null]);
      expect(detail).toMatch(/does not name your groups.*Have it send only the groups assigned to this application/);
    }
    expect(lines.join('')).toContain('the issuer left the claim groups out of the token');
    expect(lines.join('')).not.toContain(overage);
    // Nothing was counted against the address.
    expect(await statusOf('a-guess', '/v1/me')).toBe(401);
  });

  it('wait while their issuer is away, and the cluster does not', async () => {
    issuer.isDown = true;
    const token = await tokenFor('ana');
    expect(await statusOf(token, '/v1/pods')).toBe(503);
    expect(await statusOf(cluster.issue('ada'), '/v1/pods')).toBe(200);
    issuer.isDown = false;
    expect(await statusOf(token, '/v1/pods')).toBe(200);
  });
});
