import { z } from 'zod';
import { CAMPAIGN_PHASES, MEMBER_STATES } from './campaign-phases.js';

const memberStatusSchema = z.object({
  namespace: z.string(),
  kind: z.string(),
  name: z.string(),
  serviceAccount: z.string(),
  targetSCC: z.string(),
  risk: z.int().describe('Its place in the order: the greater, the later.'),
  calls: z.array(z.string()).max(20).optional().describe('Other workloads of the board that its template names.'),
  state: z.enum(MEMBER_STATES),
  plan: z.string().optional().describe('Of its newest attempt.'),
  message: z.string().optional().describe('Why it failed.'),
});
export type MemberStatus = z.infer<typeof memberStatusSchema>;

const count = z.int().min(0);
export const campaignStatusSchema = z.object({
  observedGeneration: z.int().optional(),
  phase: z.enum(CAMPAIGN_PHASES).optional(),
  message: z.string().optional(),
  wave: z.int().optional().describe('The wave that is under way.'),
  attempt: z.int().optional(),
  counts: z
    .object({
      waves: count,
      workloads: count,
      waiting: count,
      running: count,
      completed: count,
      failed: count,
      left: count.describe('Selected workloads that no plan can move.'),
    })
    .optional(),
  progress: z.string().optional().describe('Completed of all workloads.'),
  waves: z
    .array(z.object({ hash: z.string(), workloads: z.array(memberStatusSchema) }))
    .optional()
    .describe('The board; its workloads and their order are fixed when the campaign begins.'),
  left: z
    .array(z.object({ workload: z.string(), reason: z.string() }))
    .optional()
    .describe('Selected workloads that no plan can move, and why.'),
  unread: z
    .string()
    .optional()
    .describe('The part of the cluster that the board was made without, because the worker may not read it.'),
  soakUntil: z.string().optional(),
  signals: z
    .array(
      z.object({
        command: z.enum(['pause', 'resume', 'abort']),
        claimedActor: z.string().nullable().describe('Who it says that it is from; nothing proves it.'),
        at: z.string(),
      }),
    )
    .optional()
    .describe('Commands that came as signals of Temporal, the newest last.'),
});
export type CampaignStatus = z.infer<typeof campaignStatusSchema>;
