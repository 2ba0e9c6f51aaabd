import { z } from 'zod';
import type { ServiceAccountTokenRequest, TokenReview } from './kube-client.js';

/** Answers of the API server about what a token or a user may do. */

const accessAnswerSchema = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });
const tokenRequestSchema = z.looseObject({ status: z.looseObject({ token: z.string() }) });
const tokenAnswerSchema = z.looseObject({
  status: z.looseObject({
    authenticated: z.boolean().default(false),
    error: z.string().default(''),
    audiences: z.array(z.string()).default([]),
    user: z
      .looseObject({
        username: z.string().default(''),
        uid: z.string().default(''),
        groups: z.array(z.string()).default([]),
        extra: z.record(z.string(), z.array(z.string())).default({}),
      })
      .prefault({}),
  }),
});

export const accessIn = (answer: unknown): boolean => accessAnswerSchema.parse(answer).status.allowed;

export const tokenRequestFor = ({ audience, seconds }: ServiceAccountTokenRequest) => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: { audiences: [audience], expirationSeconds: seconds },
});

export const tokenIn = (answer: unknown): string => tokenRequestSchema.parse(answer).status.token;

export function tokenReviewIn(answer: unknown): TokenReview {
  const { authenticated, error, user, audiences } = tokenAnswerSchema.parse(answer).status;
  if (!authenticated) return { authenticated, error };
  const { username, uid, groups, extra } = user;
  return { authenticated, user: { username, uid, groups, extra }, audiences };
}
