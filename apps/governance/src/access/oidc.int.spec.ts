import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, exportSPKI, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import type { Verify } from './verdict.js';
import { type Keys, newKeys, TestIssuer } from './issuer.fixture.js';
import { verifyByOidc } from './oidc.js';
import type { OidcSettings } from './settings.js';

const START = Date.parse('2026-03-10T12:00:00Z');
const seconds = (offset: number): number => START / 1000 + offset;

let issuer: TestIssuer;
let rotated: Keys;
let stranger: Keys;
beforeAll(async () => {
  issuer = await TestIssuer.start();
  [rotated, stranger] = [await newKeys(), await newKeys()];
});
afterAll(() => issuer.stop());

let verify: Verify;
let time: number;
const settings = (over: Partial<OidcSettings> = {}): OidcSettings => ({
  issuer: issuer.url,
  audience: 'governance',
  jwksUrl: null,
  usernameClaim: 'sub',
  groupsClaim: 'groups',
  prefix: 'oidc:',
  isOfCluster: false,
  ...over,
});
beforeEach(() => {
  issuer.isDown = false;
  issuer.more = {};
  time = START;
  verify = verifyByOidc(settings(), () => time);
});

const claims = (over: Record<string, unknown> = {}): JWTPayload => ({
  iss: issuer.url,
  aud: 'governance',
  sub: 'ana',
  groups: ['team-a'],
  iat: seconds(0),
  exp: seconds(300),
  ...over,
});
const tokenOf: TestIssuer['sign'] = (payload, over) => issuer.sign(payload, over);

describe('a token of the issuer', () => {
  it('names a person and groups, with a prefix that keeps them apart from the cluster', async () => {
    expect(await verify(await tokenOf(claims()))).toEqual({
      known: true,
      identity: {
        ...{ name: 'oidc:ana', groups: ['oidc:team-a'], uid: null, extra: {}, by: 'oidc' },
        isOfCluster: false,
      },
      expiresAt: START + 300_000,
    });
  });

  it('that the API server trusts too names the same user as there, with the group of all', async () => {
    const ofCluster = verifyByOidc(settings({ isOfCluster: true }), () => time);
    expect(await ofCluster(await tokenOf(claims()))).toMatchObject({
      identity: { name: 'oidc:ana', groups: ['oidc:team-a', 'system:authenticated'], isOfCluster: true },
    });
  });

  it('takes the claims that are configured', async () => {
    verify = verifyByOidc(
      settings({ usernameClaim: 'email', groupsClaim: 'roles', prefix: '', jwksUrl: issuer.keysUrl }),
      () => time,
    );
    const payload = { email: 'ana@example.com', email_verified: true, roles: 'team-b', groups: ['ignored'] };
    expect(await verify(await tokenOf(claims(payload)))).toMatchObject({
      identity: { name: 'ana@example.com', groups: ['team-b'] },
    });
    for (const unverified of [false, 'false', undefined, 1])
      expect(await verify(await tokenOf(claims({ ...payload, email_verified: unverified })))).toMatchObject({
        known: false,
      });
    expect(await verify(await tokenOf(claims({ ...payload, email_verified: 'true' })))).toMatchObject({ known: true });
  });

  it('takes no keys that the issuer names at an address which somebody could stand in for', async () => {
    issuer.more = { jwks_uri: 'http://keys.example/keys' };
    try {
      const asking = verifyByOidc(settings(), () => time);
      await expect(asking(await tokenOf(claims()))).rejects.toThrow('which is not https');
    } finally {
      issuer.more = {};
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ['another issuer', { iss: 'https://login.example' }],
    ['another audience', { aud: 'somebody-else' }],
    ['no audience', { aud: undefined }],
    ['no expiry', { exp: undefined }],
    ['no time of issue', { iat: undefined }],
    ['an expiry longer ago than clocks may differ', { exp: seconds(-61) }],
    ['a beginning further ahead than clocks may differ', { nbf: seconds(62) }],
    ['no user', { sub: undefined }],
    ['an empty user', { sub: '' }],
    ['groups that are no list of names', { groups: [{ name: 'team-a' }] }],
  ])('is refused with %s', async (_name, over) => {
    expect(await verify(await tokenOf(claims(over)))).toMatchObject({ known: false });
  });

  it.each<[string, Record<string, unknown>]>([
    ['an expiry within the skew', { exp: seconds(-59) }],
    ['a beginning within the skew', { nbf: seconds(59) }],
  ])('is accepted with %s', async (_name, over) => {
    expect(await verify(await tokenOf(claims(over)))).toMatchObject({ known: true });
  });

  it('cannot claim to be one of the cluster without a prefix either', async () => {
    verify = verifyByOidc(settings({ prefix: '' }), () => time);
    const worker = { sub: 'system:serviceaccount:scc-system:worker' };
    expect(await verify(await tokenOf(claims(worker)))).toMatchObject({ known: false });
    expect(await verify(await tokenOf(claims({ groups: ['system:masters'] })))).toMatchObject({ known: false });
  });
});

describe('a token without the groups of its owner', () => {
  // As Entra ID writes them for members of many groups, and OpenID Connect in general.
  const distributed = {
    groups: undefined,
    _claim_names: { groups: 'src1' },
    _claim_sources: { src1: { endpoint: 'https://graph.example/users/ana/getMemberObjects' } },
  };

  it.each<[string, Record<string, unknown>, Partial<OidcSettings>]>([
    ['names another source', distributed, {}],
    ['is marked', { groups: undefined, hasgroups: true }, {}],
    ['is marked as text', { groups: undefined, hasgroups: 'true' }, {}],
    ['has some, and another source', { ...distributed, groups: ['team-a'] }, {}],
    ['names another source of the claim in use', { _claim_names: { roles: 'src1' } }, { groupsClaim: 'roles' }],
  ])('is refused with the reason and the remedy when it %s', async (_name, over, options) => {
    verify = verifyByOidc(settings(options), () => time);
    const before = issuer.requests;
    expect(await verify(await tokenOf(claims(over)))).toEqual({
      known: false,
      reason: `the issuer left the claim ${options.groupsClaim ?? 'groups'} out of the token`,
      remedy: expect.stringContaining('set OIDC_GROUPS_CLAIM to -') as unknown,
    });
    expect(issuer.requests - before).toBeLessThanOrEqual(2);
  });

  it.each<[string, Record<string, unknown>, Partial<OidcSettings>]>([
    ['groups do not matter', distributed, { groupsClaim: null }],
    ['others are left out', { groups: undefined, _claim_names: { picture: 'src1' } }, {}],
    ['another claim is in use', { hasgroups: true }, { groupsClaim: 'roles' }],
    ['the owner has none', { groups: undefined, hasgroups: false }, {}],
    ['the mark is no object', { groups: undefined, _claim_names: 'groups' }, {}],
  ])('is accepted when %s', async (_name, over, options) => {
    verify = verifyByOidc(settings(options), () => time);
    expect(await verify(await tokenOf(claims(over)))).toMatchObject({ known: true, identity: { groups: [] } });
  });
});

describe('a forged token', () => {
  it('without a signature is refused', async () => {
    const token = new UnsecuredJWT(claims()).encode();
    expect(await verify(token)).toMatchObject({ known: false });
    const [, body = ''] = token.split('.');
    const header = Buffer.from('{"alg":"none","kid":"one"}').toString('base64url');
    expect(await verify(`${header}.${body}.`)).toMatchObject({ known: false });
  });

  it('signed with the public key as if it were a shared secret is refused', async () => {
    const secret = Buffer.from(await exportSPKI(issuer.keys.publicKey));
    for (const kid of ['one', undefined]) {
      const header = { alg: 'HS256', ...(kid === undefined ? {} : { kid }) };
      const token = await new SignJWT(claims()).setProtectedHeader(header).sign(secret);
      expect(await verify(token)).toMatchObject({ known: false, reason: expect.stringContaining('ALG') as unknown });
    }
  });

  it('by another key is refused, under the known key id and under an unknown one', async () => {
    const key = stranger.privateKey;
    expect(await verify(await tokenOf(claims(), { key }))).toMatchObject({ known: false });
    expect(await verify(await tokenOf(claims(), { key, kid: 'two' }))).toMatchObject({ known: false });
  });

  it('that brings its own key is refused', async () => {
    const jwk = await exportJWK(stranger.publicKey);
    const token = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'RS256', kid: 'one', jwk })
      .sign(stranger.privateKey);
    expect(await verify(token)).toMatchObject({ known: false });
  });

  it('with a changed body is refused', async () => {
    const [header = '', , signature = ''] = (await tokenOf(claims())).split('.');
    const body = Buffer.from(JSON.stringify(claims({ sub: 'eve' }))).toString('base64url');
    expect(await verify(`${header}.${body}.${signature}`)).toMatchObject({ known: false });
  });
});

describe('the issuer', () => {
  it('is asked once for its keys, and again for a key that is new', async () => {
    issuer.keyRequests = 0;
    verify = verifyByOidc(settings({ jwksUrl: issuer.keysUrl }), () => time);
    for (let count = 0; count < 20; count += 1) await verify(await tokenOf(claims({ sub: `user-${count}` })));
    expect(issuer.keyRequests).toBe(1);
    await issuer.publish(rotated, 'new');
    const fresh = verifyByOidc(settings(), () => time);
    expect(await fresh(await tokenOf(claims(), { key: rotated.privateKey, kid: 'new' }))).toMatchObject({
      known: true,
    });
  });

  it('that does not answer gives no verdict, and is asked again', async () => {
    issuer.isDown = true;
    const token = await tokenOf(claims());
    await expect(verify(token)).rejects.toThrow();
    await expect(verifyByOidc(settings({ jwksUrl: issuer.keysUrl }), () => time)(token)).rejects.toThrow();
    await expect(verifyByOidc(settings({ jwksUrl: 'http://127.0.0.1:1/keys' }), () => time)(token)).rejects.toThrow();
    issuer.isDown = false;
    expect(await verify(token)).toMatchObject({ known: true });
  });

  it('that says more than a megabyte about itself is not read to the end', async () => {
    issuer.more = { claims_supported: 'x'.repeat(2 * 1024 * 1024) };
    await expect(verify(await tokenOf(claims()))).rejects.toThrow('longer than 1048576 bytes');
  });

  it('that calls itself something else is not believed', async () => {
    verify = verifyByOidc(settings({ issuer: `${issuer.url}/` }), () => time);
    await expect(verify(await tokenOf(claims()))).rejects.toThrow('is about the issuer');
  });
});
