import { storedSchema } from '@scc/policy';
import { z } from 'zod';
import { roleBindingInput } from '../access/bindings.js';
import { ACCESS_MODES } from '../access/settings.js';
import { ROLES } from '../call/roles.js';
import { exceptionInputSchema } from '../policies/exceptions.js';
import { calendarEntrySchema } from '../schedule/store.js';

const time = z.iso.datetime();
export const calendarAnswerSchema = calendarEntrySchema.extend(storedSchema.shape);

export const exceptionAnswerSchema = z.object({
  id: z.string(),
  policy: z.string(),
  target: exceptionInputSchema.shape.target,
  reason: z.string(),
  state: z.enum(['requested', 'active', 'revoked', 'expired']),
  requestedBy: z.string(),
  requestedAt: time,
  approvedBy: z.string().nullable(),
  expiresAt: time,
  rowVersion: storedSchema.shape.rowVersion,
});

export const roleBindingSchema = roleBindingInput.extend({ id: z.string(), createdBy: z.string(), createdAt: time });

export const meSchema = z.object({
  name: z.string(),
  groups: z.array(z.string()),
  authenticatedBy: z.string(),
  mode: z.enum(ACCESS_MODES),
  roles: z.array(z.object({ role: z.enum(ROLES), namespaces: z.string(), because: z.string() })),
  permissions: z.array(
    z.object({
      permission: z.string(),
      namespaces: z.array(z.string()).describe('Patterns.'),
      roles: z.array(z.string()).describe("Empty when the cluster's RBAC grants it by itself."),
      rbac: z.string().describe('The question for `kubectl auth can-i`.'),
    }),
  ),
});

export const signInSchema = z.object({
  token: z.literal(true),
  oidc: z
    .object({
      issuer: z.string(),
      start: z.string().describe('Where a browser goes to begin.'),
      name: z.string().optional().describe('Of the issuer, where its host says little.'),
    })
    .nullable()
    .describe('Null when no issuer of people is configured.'),
});

export const sessionSchema = z.object({
  name: z.string(),
  csrfToken: z.string().nullable().describe('Goes into X-CSRF-Token with each write; null without a session.'),
  expiresAt: time.nullable().describe('Null for a caller with a token of their own.'),
  temporalUi: z.string().nullable().describe('The workflows in the Temporal Web UI; null where it is not configured.'),
});

export const breakGlassSchema = z.object({
  id: z.string(),
  plan: z.object({ uid: z.string(), namespace: z.string(), name: z.string() }),
  contentHash: z.string(),
  usedBy: z.string(),
  reason: z.string(),
  usedAt: time,
  reviewedBy: z.string().nullable(),
  reviewedAt: time.nullable(),
  review: z.string().nullable(),
});
