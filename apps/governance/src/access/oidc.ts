import { HttpClient } from '@scc/runtime';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type RemoteJWKSet } from 'jose';
import { z } from 'zod';
import type { AccessVerdict, Verify } from './verdict.js';
import { isSafeAddress, type OidcSettings } from './settings.js';

/** Signatures only: a list without HMAC leaves no way to use a public key as a secret. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const SKEW_SECONDS = 60;
const ASK_MS = 3000;
const MAX_GROUPS = 1000;

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const groupsSchema = z.union([
  z.array(z.string().max(256)).max(MAX_GROUPS),
  z
    .string()
    .max(256)
    .transform((group) => [group]),
]);

/** Faults that tell of the issuer, not of the token. */
const NO_VERDICT = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

/** Verifies tokens of people, by the keys of their issuer. */
export function verifyByOidc(settings: OidcSettings, now: () => number): Verify {
  let keys: Promise<RemoteJWKSet> | null = null;
  // A failed search is not kept: the issuer may be back for the next caller.
  const keysOf = (): Promise<RemoteJWKSet> =>
    (keys ??= findKeys(settings).catch((error: unknown) => {
      keys = null;
      throw error;
    }));
  return async (token) => {
    const keySet = await keysOf();
    try {
      const { payload } = await jwtVerify(token, keySet, {
        issuer: settings.issuer,
        audience: settings.audience,
        algorithms: ALGORITHMS,
        clockTolerance: SKEW_SECONDS,
        requiredClaims: ['exp', 'iat'],
        currentDate: new Date(now()),
      });
      return verdictOf(payload, settings);
    } catch (error) {
      if (error instanceof errors.JOSEError && !NO_VERDICT.has(error.code))
        return { known: false, reason: `${error.code}: ${error.message}` };
      throw error;
    }
  };
}

async function findKeys({ issuer, jwksUrl }: OidcSettings): Promise<RemoteJWKSet> {
  return createRemoteJWKSet(new URL(jwksUrl ?? (await discover(issuer))), { timeoutDuration: ASK_MS });
}

const http = new HttpClient({ maxBytes: 1024 * 1024 });

async function discover(issuer: string): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { status, text } = await http.send({ method: 'GET', url: new URL(address), timeoutMs: ASK_MS });
  if (status !== 200) throw new Error(`${address} answers ${status}`);
  const found = discoverySchema.parse(JSON.parse(text));
  if (found.issuer !== issuer) throw new Error(`${address} is about the issuer ${found.issuer}`);
  if (!isSafeAddress(found.jwks_uri)) throw new Error(`${address} names keys at ${found.jwks_uri}, which is not https`);
  return found.jwks_uri;
}

function verdictOf(
  payload: JWTPayload,
  { usernameClaim, groupsClaim, prefix, isOfCluster }: OidcSettings,
): AccessVerdict {
  const username = z.string().min(1).max(256).safeParse(payload[usernameClaim]);
  if (!username.success) return { known: false, reason: `the claim ${usernameClaim} is not a user name` };
  // Some issuers send the claim as text; where it is missing, nobody has verified anything.
  if (usernameClaim === 'email' && ![true, 'true'].includes(payload['email_verified'] as boolean | string))
    return { known: false, reason: 'the e-mail address is not verified' };
  const groups = groupsIn(payload, groupsClaim);
  if (!Array.isArray(groups)) return groups;
  const name = prefix + username.data;
  const prefixed = groups.map((group) => prefix + group);
  // An issuer of people must not be able to name the cluster's own users and groups, such as system:masters.
  if ([name, ...prefixed].some((text) => text.startsWith('system:')))
    return { known: false, reason: 'the token claims a name of the cluster' };
  const expiresAt = payload.exp === undefined ? null : payload.exp * 1000;
  // The API server puts everybody whom it knows into this group.
  const all = isOfCluster ? [...prefixed, 'system:authenticated'] : prefixed;
  return { known: true, identity: { name, groups: all, uid: null, extra: {}, by: 'oidc', isOfCluster }, expiresAt };
}

function groupsIn(payload: JWTPayload, claim: string | null): string[] | AccessVerdict {
  if (claim === null) return [];
  if (areElsewhere(payload, claim)) return leftOut(claim);
  const groups = groupsSchema.safeParse(payload[claim] ?? []);
  return groups.success ? groups.data : { known: false, reason: `the claim ${claim} is not a list of groups` };
}

/**
 * Whether the issuer left the groups out and says where else they are: as a distributed claim, or with the mark that
 * Entra ID uses where the token has no room for one.
 */
function areElsewhere(payload: JWTPayload, groupsClaim: string): boolean {
  const distributed = z.record(z.string(), z.unknown()).safeParse(payload['_claim_names']);
  if (distributed.success && Object.hasOwn(distributed.data, groupsClaim)) return true;
  return groupsClaim === 'groups' && payload[groupsClaim] === undefined && Boolean(payload['hasgroups']);
}

/** A user in too many groups is not one without groups. They are not fetched: a token would choose from where. */
const leftOut = (groupsClaim: string): AccessVerdict => ({
  known: false,
  reason: `the issuer left the claim ${groupsClaim} out of the token`,
  remedy:
    `your token does not name your groups: the issuer left the claim ${groupsClaim} out, as it does for members of many. ` +
    'Have it send only the groups assigned to this application, or application roles; or bind people by name and set ' +
    'OIDC_GROUPS_CLAIM to -',
});
