import { z } from 'zod';

/**
 * Proof that an entry is in the audit log: kept by the engine in Temporal's history, a witness outside the database.
 */
export const receiptSchema = z.object({
  entryId: z.string(),
  leafHash: z.string().describe('Hex SHA-256 of the RFC 6962 leaf.'),
  index: z.int().nullable().describe('Position in the sealed log, null until sealed.'),
  checkpoint: z.string().nullable().describe('The latest signed checkpoint (C2SP note).'),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** The header in which an answer to a write carries the receipts of its entries; base64url of JSON, the newest last. */
export const RECEIPTS_HEADER = 'audit-receipts';
const MAX_TOLD = 40;

/** One checkpoint is enough for all of them: the newest is with the last. */
export const encodeReceipts = (receipts: readonly Receipt[]): string =>
  Buffer.from(
    JSON.stringify(
      receipts
        .slice(-MAX_TOLD)
        .map((receipt, at, told) => (at === told.length - 1 ? receipt : { ...receipt, checkpoint: null })),
    ),
  ).toString('base64url');

/** The values of a header; nothing when it is not one of ours. */
export function decodeReceipts(header: string | readonly string[] | undefined): Receipt[] {
  if (typeof header !== 'string') return [];
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
    return z.array(receiptSchema).safeParse(value).data ?? [];
  } catch {
    return [];
  }
}
