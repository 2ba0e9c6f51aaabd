import { phaseSchema, recordedEventSchema, TERMINAL_PHASES } from '@scc/plan';
import { z } from 'zod';
import { planIdentitySchema } from './engine.js';
import { receiptSchema } from './receipts.js';

/** The reports of the engine, and what governance keeps of them for an undo and for the end. */

export const eventBatchSchema = z.object({
  plan: planIdentitySchema.pick({ namespace: true, name: true, uid: true }),
  workflowId: z.string(),
  runId: z.string(),
  events: z.array(recordedEventSchema).min(1).max(200),
});
export const eventBatchResultSchema = z.object({
  accepted: z.int(),
  duplicates: z.int(),
  untrusted: z
    .string()
    .nullable()
    .default(null)
    .describe('Why the end among the events is not recorded: the receipts of governance do not cover it.'),
  stranger: z
    .string()
    .nullable()
    .default(null)
    .describe('Why nothing is taken from this run: another one has the migration.'),
  receipts: z.array(receiptSchema),
});

/** An object as it was before the first change; `manifest` null means that it did not exist. */
export const preImageSchema = z.object({
  key: z.string().max(300).describe('apiVersion/kind/name'),
  order: z.int().min(0),
  manifest: z.record(z.string(), z.unknown()).nullable(),
});
export const preImagesSchema = z.object({ workflowId: z.string(), images: z.array(preImageSchema).max(200) });

/** Which plan a uid belongs to, and how its migration ended. */
export const migrationOutcomeSchema = z.object({
  plan: planIdentitySchema.pick({ namespace: true, name: true, uid: true }),
  end: z
    .object({ phase: phaseSchema.extract(TERMINAL_PHASES), at: z.string(), message: z.string() })
    .nullable()
    .describe('Null while the migration has not ended.'),
  begun: z.boolean().default(false).describe('Whether an activity was begun that may have changed the cluster.'),
  untrusted: z
    .string()
    .nullable()
    .default(null)
    .describe('Why an end that was reported is not recorded: the receipts of governance do not cover it.'),
  afterwards: z
    .object({
      target: z.record(z.string(), z.unknown()).describe('As it was judged.'),
      revoked: z.boolean().describe('Whether the revocation of the source grant was begun and done after the end.'),
    })
    .nullable()
    .default(null)
    .describe('What is looked after once the migration has completed; null where nothing is.'),
});

export type EventBatch = z.infer<typeof eventBatchSchema>;
export type EventBatchResult = z.infer<typeof eventBatchResultSchema>;
export type PreImages = z.infer<typeof preImagesSchema>;
export type MigrationOutcome = z.infer<typeof migrationOutcomeSchema>;
