import { z } from 'zod';
import { auditBodySchema } from './entry.js';

/** The answers of governance's audit routes. A body is sent as the bytes that were hashed, so that anybody can check. */

const hex = z.string().regex(/^([0-9a-f]{2})*$/);
const size = z.int().min(0);

export const auditEntrySummarySchema = z.object({
  id: z.string().describe('ULID'),
  leafHash: hex,
  index: size.nullable().describe('Position in the sealed log, null until sealed.'),
  body: auditBodySchema.extend({ details: z.unknown() }),
});

export const auditEntryPageSchema = z.object({
  items: z.array(auditEntrySummarySchema),
  nextCursor: z.string().nullable(),
});

export const auditInclusionSchema = z.object({
  index: size,
  size: size.describe('Of the tree that the path leads to.'),
  checkpoint: z.string().nullable().describe('The signed checkpoint of that size, null when none was signed there.'),
  path: z.array(hex),
});

export const auditEntryDetailSchema = auditEntrySummarySchema.extend({
  bytes: z.base64().describe('The RFC 8785 bytes of the entry: leafHash is SHA-256 of 0x00 and these.'),
  inclusion: auditInclusionSchema.nullable().describe('Null until the entry is sealed.'),
});

export const auditStateSchema = z.object({
  origin: z.string(),
  checkpoint: z.string().nullable().describe('The newest signed checkpoint (C2SP note), null in an empty log.'),
  size,
  keys: z.array(z.string()).describe('Public keys that the log names, oldest first. Pin your own copy.'),
  unsealed: size.describe('Entries that wait for the sealer.'),
  lagSeconds: z.number().describe('How long the oldest of them has waited.'),
});

export const auditConsistencySchema = z.object({
  first: size,
  second: size,
  path: z.array(hex),
  checkpoint: z.string().nullable().describe('The signed checkpoint of the second size, null when none was signed.'),
});

export const auditContradictionsSchema = z.object({
  published: z
    .object({ message: z.string(), checkpoint: z.string() })
    .nullable()
    .describe('A published checkpoint that the log does not continue.'),
  rows: z.array(
    z.object({
      ...{ fault: z.string(), table: z.string(), key: z.string(), message: z.string() },
      holds: z.record(z.string(), z.json()).nullable().describe('The row as it stands, null when it is gone.'),
      by: z
        .object({ index: size.nullable(), entryId: z.string() })
        .nullable()
        .describe('The entry that is contradicted.'),
      isOver: z.boolean().default(false).describe('It contradicts the log no more, and waits for an answer only.'),
    }),
  ),
});

export const readModelDifferencesSchema = z.object({
  migrations: z.int(),
  differences: z.array(
    z.object({
      ...{ uid: z.string(), namespace: z.string(), name: z.string() },
      table: z.string().describe('migration_event, or a table of the read model.'),
      isAnswered: z.boolean().default(false).describe('Somebody has answered for it as it is.'),
      message: z.string(),
    }),
  ),
});

export type AuditContradictions = z.infer<typeof auditContradictionsSchema>;
export type AuditEntrySummary = z.infer<typeof auditEntrySummarySchema>;
export type AuditEntryDetail = z.infer<typeof auditEntryDetailSchema>;
export type AuditInclusion = z.infer<typeof auditInclusionSchema>;
export type AuditState = z.infer<typeof auditStateSchema>;
export type AuditConsistency = z.infer<typeof auditConsistencySchema>;
