import { z } from 'zod';
import { policyBindingSchema, policyDocumentSchema } from './document.js';

const time = z.iso.datetime();

/** A stored version of a policy, as governance answers it. */
export const policyVersionSchema = z.object({
  name: z.string(),
  version: z.int(),
  document: policyDocumentSchema,
  contentHash: z.string(),
  author: z.string(),
  createdAt: time,
});
export type PolicyVersion = z.infer<typeof policyVersionSchema>;

/** Who stored an object last, and with which version it is replaced. */
export const storedSchema = z.object({
  rowVersion: z.int().describe('Goes into If-Match.'),
  changedBy: z.string(),
  changedAt: time,
});

export const storedBindingSchema = policyBindingSchema.extend(storedSchema.shape);
export type StoredBinding = z.infer<typeof storedBindingSchema>;

const wouldHaveSchema = z.object({
  planUid: z.string(),
  namespace: z.string(),
  name: z.string(),
  evaluatedAt: time,
  was: z.string(),
  would: z.enum(['deny', 'requireApproval']),
  reasons: z.array(z.string()),
});

/** Past plans that a policy would have refused. */
export const policyDryRunSchema = z.object({
  plans: z.int(),
  concerned: z.int(),
  refused: z.array(wouldHaveSchema),
  approvalRequired: z.array(wouldHaveSchema),
});
export type PolicyDryRun = z.infer<typeof policyDryRunSchema>;
