import { CAMPAIGN_PHASES, MEMBER_STATES } from '@scc/plan';
import { z } from 'zod';

/** The payloads of campaigns, as their objects in the cluster have them. */

const time = z.iso.datetime();
const count = z.int().min(0);

export const campaignSummarySchema = z.object({
  name: z.string(),
  author: z.string().nullable(),
  createdAt: time.nullable(),
  phase: z.enum(CAMPAIGN_PHASES),
  message: z.string().nullable().describe('Null where the caller may not see all namespaces, which it may name.'),
  wave: count.describe('The wave that is under way; 0 before the first one.'),
  attempt: z.int(),
  suspended: z.boolean().describe('Begins no further plan.'),
  aborted: z.boolean().describe('Begins no further plan, for good.'),
  counts: z.object({
    ...{ waves: count, workloads: count, waiting: count, running: count, completed: count, failed: count },
    left: count.describe('Selected workloads that no plan can move.'),
  }),
});
export type CampaignSummary = z.infer<typeof campaignSummarySchema>;

const memberSchema = z.object({
  namespace: z.string(),
  kind: z.string(),
  name: z.string(),
  targetSCC: z.string(),
  risk: z.int().describe('Its place in the order: the greater, the later.'),
  state: z.enum(MEMBER_STATES),
  message: z.string().nullable().describe('Why it failed.'),
  plan: z
    .object({ name: z.string(), uid: z.string().nullable().describe('Null until its migration has reported.') })
    .nullable()
    .describe('Of its newest attempt.'),
});

const waveSchema = z.object({
  number: z.int(),
  hash: z.string().describe('Of its workloads and targets: what an approval names.'),
  approvedBy: z.array(z.string()).describe('Who approved this very set, the author apart.'),
  isApproved: z.boolean().describe('Whether it may begin as far as approval goes.'),
  workloads: z.array(memberSchema),
  hidden: count.describe('Workloads in namespaces that the caller may not see.'),
});

export const campaignDetailSchema = campaignSummarySchema.extend({
  targetSCC: z.string(),
  maxConcurrent: z.int(),
  failureBudget: count,
  soak: z.string(),
  soakUntil: time.nullable(),
  approvalRequired: z.boolean(),
  approvals: z
    .array(z.object({ wave: z.int(), hash: z.string(), by: z.string() }))
    .describe('All that were given: an edit of the list has to name those that stay.'),
  waves: z.array(waveSchema),
  left: z.array(z.object({ workload: z.string(), reason: z.string() })),
  unread: z
    .string()
    .nullable()
    .describe('The part of the cluster that the board was made without, because the worker may not read it.'),
});
export type CampaignDetail = z.infer<typeof campaignDetailSchema>;
