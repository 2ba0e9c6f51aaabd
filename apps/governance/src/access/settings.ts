import { z } from 'zod';
import { parseNetworks } from '../http/client-address.js';

const list = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
const names = (fallback: string) => z.string().default(fallback).transform(list);

/** Plain HTTP only where no network is between. */
export const isSafeAddress = (address: string): boolean => {
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
};
const httpsUrl = z.url({ protocol: /^https?$/ }).refine(isSafeAddress, 'has to be an https address');

export const ACCESS_MODES = ['bindings', 'kubernetes', 'both'] as const;
export type AccessMode = (typeof ACCESS_MODES)[number];

/** The variables that access knows; spread into the schema of the process. */
export const accessConfig = {
  TOKEN_AUDIENCE: names('scc-governance')
    .refine((audiences) => audiences.length > 0, 'names no audience')
    .describe('the audience that tokens of the cluster must be meant for; several are separated by commas'),
  ACCESS_MODE: z
    .enum(ACCESS_MODES)
    .default('bindings')
    .describe('where permissions come from: role bindings, SubjectAccessReview, or what both allow'),
  ADMIN_USERS: names('').describe('users who are admin regardless of role bindings, separated by commas'),
  ADMIN_GROUPS: names('system:masters').describe('groups whose members are admin, separated by commas'),
  ENGINE_SERVICE_ACCOUNT: z
    .string()
    .default('system:serviceaccount:scc-system:worker')
    .describe('the user that the worker is known as'),
  TRUSTED_PROXIES: names('')
    .transform((networks, context) => {
      const trusted = parseNetworks(networks);
      if (trusted) return trusted;
      context.addIssue({ code: 'custom', message: 'is a list of networks such as 10.0.0.0/8, separated by commas' });
      return z.NEVER;
    })
    .describe('networks of the proxies whose X-Forwarded-For is believed, separated by commas; none unless said'),
  OIDC_ISSUER: httpsUrl.optional().describe('the issuer of the tokens of people'),
  OIDC_AUDIENCE: z.string().optional().describe('the client that tokens of people must be meant for'),
  OIDC_JWKS_URL: httpsUrl.optional().describe('the keys of the issuer; absent, it is asked where they are'),
  OIDC_USERNAME_CLAIM: z.string().default('sub'),
  OIDC_GROUPS_CLAIM: z.string().default('groups').describe('- when groups do not matter'),
  OIDC_PREFIX: z
    .string()
    .default('oidc:')
    .describe('put before the names and groups of people, as the API server does; - for none'),
  OIDC_OF_CLUSTER: z
    .enum(['true', 'false'])
    .default('false')
    .describe(
      'true when the API server trusts the issuer too, with the same claims and prefix: then people of it can lend rights',
    ),
  CONSOLE_URL: httpsUrl
    .optional()
    .describe(
      'where people open the web console; with OIDC_ISSUER they sign in there with the issuer, which has to allow the redirect to its path sign-in/callback',
    ),
  TEMPORAL_UI_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('where people open the Temporal Web UI; the web console then links each migration to its workflow'),
  OIDC_CLIENT_SECRET_FILE: z
    .string()
    .optional()
    .describe(
      'a file with the secret of the client OIDC_AUDIENCE or OPENSHIFT_OAUTH_CLIENT; absent for a public client, which PKCE protects',
    ),
  OPENSHIFT_OAUTH_CLIENT: z
    .string()
    .optional()
    .describe(
      'the OAuthClient by which people sign in to the console (CONSOLE_URL) with the OAuth server of OpenShift, in the place of OIDC_ISSUER',
    ),
  OPENSHIFT_OAUTH_URL: httpsUrl
    .default('https://kubernetes.default.svc')
    .describe('the API server, which says where its OAuth server is'),
  OPENSHIFT_OAUTH_SCOPES: z
    .string()
    .default('user:info')
    .describe('what the console asks the OAuth server for; user:info says who the user is, and nothing else'),
  OIDC_SCOPES: z.string().default('openid').describe('what the console asks the issuer for, separated by spaces'),
};

export type AccessConfig = z.infer<z.ZodObject<typeof accessConfig>>;

export interface OidcSettings {
  issuer: string;
  audience: string;
  jwksUrl: string | null;
  usernameClaim: string;
  /** Null when groups do not matter. */
  groupsClaim: string | null;
  prefix: string;
  /** The API server knows its people by the same names. */
  isOfCluster: boolean;
}

/** @throws Error when OIDC is configured by half. */
export function oidcSettings(config: AccessConfig): OidcSettings | null {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience } = config;
  if (issuer === undefined && audience === undefined) return null;
  if (issuer === undefined || audience === undefined)
    throw new Error('OIDC_ISSUER and OIDC_AUDIENCE are set together, or neither');
  return {
    issuer,
    audience,
    jwksUrl: config.OIDC_JWKS_URL ?? null,
    usernameClaim: config.OIDC_USERNAME_CLAIM,
    groupsClaim: config.OIDC_GROUPS_CLAIM === '-' ? null : config.OIDC_GROUPS_CLAIM,
    prefix: config.OIDC_PREFIX === '-' ? '' : config.OIDC_PREFIX,
    isOfCluster: config.OIDC_OF_CLUSTER === 'true',
  };
}
