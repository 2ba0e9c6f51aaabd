import { decodeJwt } from 'jose';
import { z } from 'zod';
import type { CallerIdentity } from '../call/actor.js';
import type { AccessVerdict, Verify } from './verdict.js';

/** The status of a TokenReview, as the API server answers it. */
const reviewSchema = z.object({
  authenticated: z.boolean().default(false),
  user: z
    .object({
      username: z.string().default(''),
      uid: z.string().default(''),
      groups: z.array(z.string()).default([]),
      extra: z.record(z.string(), z.array(z.string())).default({}),
    })
    .optional(),
  audiences: z.array(z.string()).default([]),
  error: z.string().optional(),
});

/** Asks the API server who a token belongs to; `KubeClient.tokenReview`. */
export type TokenReviewCall = (review: { token: string; audiences: string[] }) => Promise<unknown>;

/** Verifies tokens of ServiceAccounts and users of the cluster. */
export const verifyByTokenReview =
  (tokenReview: TokenReviewCall, audiences: string[]): Verify =>
  async (token) => {
    const review = reviewSchema.parse(await tokenReview({ token, audiences }));
    const identity = identityOf(review);
    if (!identity) return refused(review.error ?? 'the API server does not know the token');
    // An authenticator that knows no audiences answers without any: the token may be meant for anybody.
    if (!review.audiences.some((audience) => audiences.includes(audience)))
      return refused('the token is meant for another audience');
    return { known: true, identity, expiresAt: expiryOf(token) };
  };

function identityOf({ authenticated, user }: z.infer<typeof reviewSchema>): CallerIdentity | null {
  if (!authenticated || !user || user.username === '' || user.username === 'system:anonymous') return null;
  const { username: name, groups, uid, extra } = user;
  return { name, groups, uid: uid === '' ? null : uid, extra, by: 'tokenReview', isOfCluster: true };
}

const refused = (reason: string): AccessVerdict => ({ known: false, reason });

/** When the API server vouches for a token, its own claim tells how long it does. */
export function expiryOf(token: string): number | null {
  const exp = claimsOf(token)?.exp;
  return exp === undefined ? null : exp * 1000;
}

/** The claims of a token, unverified; null when it is no JWT. */
export function claimsOf(token: string): { iss?: string; exp?: number } | null {
  try {
    const { iss, exp } = decodeJwt(token);
    return {
      ...(typeof iss === 'string' ? { iss } : {}),
      ...(typeof exp === 'number' && Number.isFinite(exp) ? { exp } : {}),
    };
  } catch {
    return null;
  }
}
