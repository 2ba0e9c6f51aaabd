import { z } from 'zod';
import { CATEGORIES } from './categories.js';
import { scanReportSchema, scanRowSchema } from './report.js';

/** Scans that governance makes and keeps. */

const time = z.iso.datetime();
const name = z.string().min(1).max(253);

export const scanRequestSchema = z.object({
  namespace: z.string().min(1).max(63).nullable().default(null).describe('Only this namespace; null for all of them.'),
  target: name.nullable().default(null).describe('The SCC that is strict enough; null for restricted-v2.'),
});
export type ScanRequest = z.infer<typeof scanRequestSchema>;

export const keptScanSchema = z.object({
  id: z.string(),
  namespace: z.string().nullable(),
  aim: z.string().nullable().describe('The SCC that it was held against; null until it is done.'),
  by: z.string(),
  at: time,
  state: z.enum(['running', 'done', 'failed']),
  finishedAt: time.nullable(),
  failure: z.string().nullable(),
  totals: scanReportSchema.shape.totals
    .omit({ unreadable: true })
    .describe('Of the workloads that you may see; the rest does not count.'),
});
export type KeptScan = z.infer<typeof keptScanSchema>;

export const keptScanDetailSchema = keptScanSchema.extend({
  assumed: scanReportSchema.shape.assumed,
  changedDefaults: scanReportSchema.shape.changedDefaults,
  unreadable: scanReportSchema.shape.unreadable.describe('Empty for those who may not see the whole scan.'),
});
export type KeptScanDetail = z.infer<typeof keptScanDetailSchema>;

export const firstStepSchema = z.object({
  workload: scanRowSchema,
  why: z.string(),
});

export const scanWorkloadQuery = z.object({
  namespace: z.string().max(63).optional(),
  category: z.enum(CATEGORIES).optional(),
  scc: name.optional().describe('The SCC that it counts as running under.'),
  restart: z
    .enum(['captured', 'refused'])
    .optional()
    .describe('Those that come under another SCC at their next restart, or are refused.'),
});

export const scanChangeSchema = z.object({
  workload: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  details: z.array(z.string()).describe('`was → is` for each thing that changed.'),
});
export const scanChangesSchema = z.object({
  before: z.string().describe('The scan that it is compared with.'),
  after: z.string(),
  items: z.array(scanChangeSchema),
});
export type ScanChanges = z.infer<typeof scanChangesSchema>;
