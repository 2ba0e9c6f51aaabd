import { describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import { SignJWT } from 'jose';
import { z } from 'zod';
import type { Grant, CallerIdentity } from '../call/actor.js';
import { type Role, ROLES } from '../call/roles.js';
import { scopeCovers, EVERYWHERE, intersection, isInScope, likePatterns, narrowedTo } from '../call/scope.js';
import { ROLE_TABLE } from '../permissions.js';
import { Authenticator } from './authenticate.js';
import { mayGrant } from './bindings.js';
import { clusterRoles } from './cluster-roles.js';
import { ExpiringCache } from './expiring-cache.js';
import { FailureLimit } from './failure-limit.js';
import { ClusterGrants } from './kubernetes.js';
import { placeOf } from './place.js';
import { resourceOf } from './roles.js';
import { accessConfig, oidcSettings } from './settings.js';
import type { AccessVerdict } from './verdict.js';

const log = createLogger('test', 'silent');
const ana: CallerIdentity = {
  name: 'ana',
  groups: ['team-a'],
  uid: null,
  extra: {},
  by: 'tokenReview',
  isOfCluster: true,
};

describe('a scope', () => {
  it.each<[string, string[], string, boolean]>([
    ['everything covers a pattern', ['*'], 'team-*', true],
    ['a pattern covers a name', ['team-*'], 'team-a', true],
    ['a pattern covers a narrower pattern', ['team-*'], 'team-a-*', true],
    ['a narrower pattern does not cover a wider one', ['team-a-*'], 'team-*', false],
    ['names do not cover a pattern', ['team-a', 'team-b'], 'team-*', false],
    ['a pattern with two ends covers its like', ['a*z'], 'ab*z', true],
    ['a pattern with two ends does not cover an open one', ['a*z'], 'a*', false],
    ['nothing covers nothing', [], 'team-a', false],
  ])('%s', (_name, scope, inner, expected) => {
    expect(scopeCovers(scope, inner)).toBe(expected);
  });

  it('narrows to what both sources allow', () => {
    expect(intersection(['team-*'], EVERYWHERE)).toEqual(['team-*']);
    expect(intersection(['team-*'], ['team-a'])).toEqual(['team-a']);
    expect(intersection(['team-*'], ['shop'])).toEqual([]);
    expect(narrowedTo(['team-*'], 'team-a')).toEqual(['team-a']);
    expect(narrowedTo(['team-*'], 'shop')).toEqual([]);
  });

  it('is a pattern of SQL in which only * means more than itself', () => {
    expect(likePatterns(['a*'])).toEqual(['a%']);
    expect(likePatterns(['a_b%c\\'])).toEqual(['a\\_b\\%c\\\\']);
    expect(likePatterns(['shop', '*'])).toBeNull();
    expect(likePatterns([])).toEqual([]);
    expect(isInScope(['team-a'], 'team-ab')).toBe(false);
  });
});

describe('giving a role', () => {
  const grant = (role: Role, namespaces: string): Grant => ({ role, namespaces, because: 'test' });
  it.each<[string, Grant[], { role: Role; namespaces: string }, boolean]>([
    ['an admin gives what they do not hold', [grant('admin', '*')], { role: 'approver', namespaces: '*' }, true],
    ['an admin gives the role of the engine', [grant('admin', '*')], { role: 'engine', namespaces: '*' }, true],
    ['a team admin gives in the team', [grant('admin', 'a-*')], { role: 'approver', namespaces: 'a-1' }, true],
    ['not beyond the team', [grant('admin', 'a-*')], { role: 'viewer', namespaces: 'b-1' }, false],
    ['not everywhere', [grant('admin', 'a-*')], { role: 'viewer', namespaces: '*' }, false],
    ['not the engine', [grant('admin', 'a-*')], { role: 'engine', namespaces: 'a-1' }, false],
    ['a holder passes on', [grant('viewer', '*')], { role: 'viewer', namespaces: 'a-1' }, true],
    ['and nothing else', [grant('viewer', '*')], { role: 'admin', namespaces: 'a-1' }, false],
    ['nor wider', [grant('viewer', 'a-*')], { role: 'viewer', namespaces: '*' }, false],
  ])('%s', (_name, grants, wanted, expected) => {
    expect(mayGrant({ grants, scope: EVERYWHERE }, wanted)).toBe(expected);
  });

  it('needs the right to write there', () => {
    const grants = [grant('admin', '*')];
    expect(mayGrant({ grants, scope: ['shop'] }, { role: 'viewer', namespaces: 'team' })).toBe(false);
  });
});

describe('roles', () => {
  it('only the engine reports, and it decides nothing', () => {
    const holders = (permission: string): Role[] => ROLES.filter((role) => ROLE_TABLE.of(role).has(permission));
    expect(holders('events:report')).toEqual(['engine']);
    expect(holders('steps:authorize')).toEqual(['engine']);
    expect(holders('approvals:decide')).toEqual(['approver', 'admin']);
    expect(holders('access:write')).toEqual(['admin']);
    expect(holders('break-glass:use')).toEqual(['admin']);
  });

  it('are ClusterRoles that grant the same', () => {
    for (const [index, role] of ROLES.entries()) {
      const granted = (clusterRoles(ROLE_TABLE)[index]?.rules ?? [])
        .filter(({ resourceNames }) => !resourceNames)
        .flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => `${resource}:${verb}`)));
      expect(granted.sort()).toEqual([...ROLE_TABLE.of(role)].sort());
    }
  });

  it('consist of permissions that are virtual resources', () => {
    for (const permission of ROLE_TABLE.permissions) {
      const { resource, verb } = resourceOf(permission);
      expect(`${resource}:${verb}`).toBe(permission);
    }
    expect(() => resourceOf('read')).toThrow('read is not resource:verb');
  });
});

describe('the cache', () => {
  it('forgets what is out of time, and the longest unused beyond its size', () => {
    let time = 0;
    const cache = new ExpiringCache<number>(2, () => time);
    cache.set('a', 1, 10);
    cache.set('b', 2, 20);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3, 20);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
    time = 10;
    expect(cache.get('a')).toBeUndefined();
    expect(cache.remembers('a')).toBe(true);
  });
});

describe('failed authentications', () => {
  it('are limited by address, and forgiven over time', () => {
    let time = 0;
    const limit = new FailureLimit(() => time);
    for (let count = 0; count < 20; count += 1) limit.record('10.0.0.1');
    expect(limit.waitSeconds('10.0.0.1')).toBe(3);
    expect(limit.waitSeconds('10.0.0.2')).toBe(0);
    time = 3000;
    expect(limit.waitSeconds('10.0.0.1')).toBe(0);
  });

  it('are limited by network where one host has many addresses', () => {
    const limit = new FailureLimit(() => 0);
    for (let count = 0; count < 20; count += 1) limit.record(`2001:db8:1:2::${count.toString(16)}`);
    expect(limit.waitSeconds('2001:db8:1:2:a:b:c:d')).toBe(3);
    expect(limit.waitSeconds('2001:db8:1:3::1')).toBe(0);
    for (let count = 0; count < 20; count += 1) limit.record(`::ffff:10.0.0.${count}`);
    expect(limit.waitSeconds('::ffff:10.0.0.1')).toBe(0);
  });
});

describe('an authenticator', () => {
  const known = (expiresAt: number | null = null): AccessVerdict => ({ known: true, identity: ana, expiresAt });

  function setUp(verdict: (token: string) => AccessVerdict | Error) {
    const state = { time: 1_000_000, asked: 0 };
    const verify = (token: string): Promise<AccessVerdict> => {
      state.asked += 1;
      const answer = verdict(token);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
    const authenticator = new Authenticator({ cluster: verify, people: null, log, now: () => state.time });
    const identify = (token: string, address = '10.0.0.1') =>
      authenticator.identify(`Bearer ${token}`, address).then(
        ({ name }) => name,
        (error: unknown) => z.object({ kind: z.string() }).parse(error).kind,
      );
    return { state, identify, authenticator };
  }

  it('asks again after a minute, so that a revoked token opens nothing for longer', async () => {
    let isRevoked = false;
    const { state, identify } = setUp(() => (isRevoked ? { known: false, reason: 'revoked' } : known()));
    expect(await identify('t')).toBe('ana');
    isRevoked = true;
    state.time += 59_999;
    expect(await identify('t')).toBe('ana');
    state.time += 1;
    expect(await identify('t')).toBe('unauthenticated');
  });

  it('never believes a token beyond its expiry', async () => {
    const { state, identify } = setUp(() => known(1_005_000));
    await identify('t');
    state.time += 4999;
    await identify('t');
    expect(state.asked).toBe(1);
    state.time += 1;
    await identify('t');
    expect(state.asked).toBe(2);
  });

  it('keeps a no for five seconds', async () => {
    const { state, identify } = setUp(() => ({ known: false, reason: 'no' }));
    await identify('t');
    state.time += 4999;
    expect(await identify('t')).toBe('unauthenticated');
    expect(state.asked).toBe(1);
    state.time += 1;
    await identify('t');
    expect(state.asked).toBe(2);
  });

  it('asks once for requests that come at once', async () => {
    const { state, identify } = setUp(() => known());
    expect(await Promise.all(Array.from({ length: 50 }, () => identify('t')))).toEqual(Array(50).fill('ana'));
    expect(state.asked).toBe(1);
  });

  it('says that it does not know when the cluster does not answer, and does not keep that', async () => {
    let isAway = true;
    const { identify } = setUp(() => (isAway ? new Error('connect ECONNREFUSED') : known()));
    expect(await identify('t')).toBe('unavailable');
    isAway = false;
    expect(await identify('t')).toBe('ana');
  });

  it('stops guessing from one address without shutting out who was known there', async () => {
    const { state, identify } = setUp((token) => (token === 'good' ? known() : { known: false, reason: 'no' }));
    await identify('good');
    for (let count = 0; count < 20; count += 1) expect(await identify(`guess-${count}`)).toBe('unauthenticated');
    const { asked } = state;
    expect(await identify('guess-20')).toBe('tooMany');
    expect(state.asked).toBe(asked);
    expect(await identify('guess-20', '10.0.0.2')).toBe('unauthenticated');
    state.time += 60_000;
    for (let count = 30; count < 60; count += 1) await identify(`guess-${count}`);
    expect(await identify('good')).toBe('ana');
  });

  it.each([
    ['no header', undefined],
    ['another scheme', 'Basic YTpi'],
    ['no token', 'Bearer '],
    ['two tokens', 'Bearer a b'],
    ['control characters', 'Bearer a\tb'],
    ['an endless token', `Bearer ${'a'.repeat(20_000)}`],
  ])('refuses %s without asking', async (_name, header) => {
    const { state, authenticator } = setUp(() => known());
    await expect(authenticator.identify(header, '10.0.0.1')).rejects.toMatchObject({ kind: 'unauthenticated' });
    expect(state.asked).toBe(0);
  });

  it('asks the issuer only about its own tokens', async () => {
    const asked: string[] = [];
    const verifier = (name: string) => () => {
      asked.push(name);
      return Promise.resolve(known());
    };
    const issuer = 'https://login.example';
    const people = { issuer, verify: verifier('people') };
    const authenticator = new Authenticator({ cluster: verifier('cluster'), people, log, now: () => 0 });
    const tokenOf = (iss: string): Promise<string> =>
      new SignJWT({ iss }).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32));
    for (const token of [await tokenOf(issuer), await tokenOf('https://kubernetes.default.svc'), 'opaque'])
      await authenticator.identify(`Bearer ${token}`, '10.0.0.1');
    expect(asked).toEqual(['people', 'cluster', 'cluster']);
  });
});

describe('answers of the cluster', () => {
  it('are kept for ten seconds when they allow, and for five when they refuse', async () => {
    let time = 0;
    let isAllowed = true;
    const cluster = new ClusterGrants(
      () => Promise.resolve(isAllowed),
      log,
      () => time,
    );
    const ask = () => cluster.scopeOf(ana, 'pods:read', 'shop');
    expect(await ask()).toEqual(['shop']);
    isAllowed = false;
    time = 9999;
    expect(await ask()).toEqual(['shop']);
    time = 10_000;
    expect(await ask()).toEqual([]);
    isAllowed = true;
    time = 14_999;
    expect(await ask()).toEqual([]);
    time = 15_000;
    expect(await ask()).toEqual(['shop']);
  });

  it('are about a virtual resource, and carry what the API server said of the caller', async () => {
    const reviews: unknown[] = [];
    const cluster = new ClusterGrants(
      (review) => {
        reviews.push(review);
        return Promise.resolve(true);
      },
      log,
      () => 0,
    );
    const extra = { 'scopes.example': ['read'] };
    expect(await cluster.scopeOf({ ...ana, uid: 'u-1', extra }, 'approvals:decide', null)).toEqual(['*']);
    const resourceAttributes = { group: 'governance.scc.poc', resource: 'approvals', verb: 'decide' };
    expect(reviews).toEqual([{ user: 'ana', groups: ['team-a'], uid: 'u-1', extra, resourceAttributes }]);
  });
});

describe('the place of a request', () => {
  const unasked = { query: () => Promise.reject(new Error('the database was asked')) };
  const request = { params: {}, query: {}, body: {} };
  it.each<[string, Parameters<typeof placeOf>[0], object, object]>([
    ['is everywhere unless said', 'cluster', {}, { kind: 'everywhere' }],
    ['is one namespace for a list that names it', 'list', { query: { namespace: 'shop' } }, { namespace: 'shop' }],
    ['is anywhere for a list that names none', 'list', {}, { kind: 'anywhere' }],
    ['is anywhere for a list that names two', 'list', { query: { namespace: ['a', 'b'] } }, { kind: 'anywhere' }],
    ['is in the path', 'path', { params: { namespace: 'shop' } }, { namespace: 'shop' }],
    ['is in the body', 'body', { body: { target: { namespace: 'shop' } } }, { namespace: 'shop' }],
    ['is unknown when the body is nonsense', 'body', { body: null }, { kind: 'unknown' }],
    ['is no pattern', 'body', { body: { target: { namespace: '*' } } }, { kind: 'unknown' }],
    [
      'is unknown when the database could not even be asked',
      'migration',
      { params: { id: 'a\0b' } },
      { kind: 'unknown' },
    ],
  ])('%s', async (_name, target, over, expected) => {
    expect(await placeOf(target, { ...request, ...over }, unasked)).toMatchObject(expected);
  });
});

describe('the settings', () => {
  const parse = (env: Record<string, string>) => z.object(accessConfig).parse(env);

  it('are safe when nothing is said', () => {
    const config = parse({});
    expect(config).toMatchObject({ ACCESS_MODE: 'bindings', TOKEN_AUDIENCE: ['scc-governance'], ADMIN_USERS: [] });
    expect(oidcSettings(config)).toBeNull();
  });

  it('take lists, and refuse an issuer that anybody could play', () => {
    expect(parse({ ADMIN_GROUPS: 'a, b,' }).ADMIN_GROUPS).toEqual(['a', 'b']);
    expect(() => parse({ OIDC_ISSUER: 'http://login.example' })).toThrow('https');
    expect(() => parse({ TOKEN_AUDIENCE: ' , ' })).toThrow('names no audience');
    expect(() => oidcSettings(parse({ OIDC_ISSUER: 'https://login.example' }))).toThrow('set together');
    expect(() => parse({ TRUSTED_PROXIES: '10.0.0.1' })).toThrow('is a list of networks such as 10.0.0.0/8');
  });

  it('can say that groups do not matter', () => {
    const issuer = { OIDC_ISSUER: 'https://login.example', OIDC_AUDIENCE: 'governance' };
    expect(oidcSettings(parse(issuer))).toMatchObject({ groupsClaim: 'groups' });
    expect(oidcSettings(parse({ ...issuer, OIDC_GROUPS_CLAIM: '-' }))).toMatchObject({ groupsClaim: null });
  });
});
