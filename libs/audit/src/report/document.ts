import { z } from 'zod';
import { hashOf } from '../canonical.js';
import { listProblems } from '../differences.js';
import { REPORT_SECTIONS, reportClaims, type ReportClaims, reportEntries } from './claims.js';
import { bodyOf, type ReportPeriod } from './entries.js';

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const claimSchema = z.record(z.string(), z.json());

/** An entry with what proves, from the checkpoint of the document alone, that the log holds it. */
export const provedEntrySchema = z.strictObject({
  entryId: z.string(),
  body: z.base64().describe('The bytes that were hashed.'),
  leafHash: hex,
  index: z.int().nullable().describe('Null until the entry is sealed, and then without a path.'),
  path: z.array(hex).nullable(),
});

const documentSchema = z.strictObject({
  version: z.literal(1),
  generatedAt: z.string(),
  period: z.strictObject({ from: z.iso.datetime(), to: z.iso.datetime() }),
  namespaces: z.array(z.string()).nullable().describe('Patterns; null for all namespaces.'),
  map: z.string().nullable().describe('SHA-256 of the canonical JSON of the mapping to controls that was named.'),
  // Documents from before campaigns were in the log have no section of them.
  claims: z
    .strictObject(
      Object.fromEntries(REPORT_SECTIONS.map((section) => [section, z.array(claimSchema)])) as Record<
        keyof ReportClaims,
        z.ZodArray<typeof claimSchema>
      >,
    )
    .partial({ campaigns: true }),
  audit: z.strictObject({ checkpoint: z.string().nullable(), entries: z.array(provedEntrySchema) }),
});

/** A report with the C2SP note of the audit key about it. */
export const signedReportSchema = z.strictObject({ document: documentSchema, signature: z.string() });
export type ProvedEntry = z.infer<typeof provedEntrySchema>;
export type ReportDocument = Omit<z.infer<typeof documentSchema>, 'claims'> & { claims: ReportClaims };
export interface SignedReport {
  document: ReportDocument;
  signature: string;
}

/** The text that is signed; its second line keeps it apart from checkpoints and proofs. */
export const reportNoteText = (origin: string, document: object, { from, to }: ReportPeriod): string =>
  `${origin}\naudit report ${from} ${to}\n${hashOf(document)}\n`;

/**
 * Compares everything that a report says with what its entries say, both ways.
 * @returns what no entry holds, and what entries hold and the report leaves out, by name.
 */
export function unsaidInReport({
  period,
  claims,
  audit,
}: Pick<z.infer<typeof documentSchema>, 'period' | 'claims' | 'audit'>): string[] {
  const bodies = audit.entries.map(({ entryId, body }) => ({ entryId, body: bodyOf(body) }));
  const strangers = bodies.filter(({ entryId, body }) => body?.id !== entryId).map(({ entryId }) => entryId);
  const known = bodies.flatMap(({ body }) => body ?? []);
  const said = reportClaims(known, period);
  const needed = reportEntries(known, period, said);
  return [
    ...strangers.map((id) => `audit entry ${id}: that its bytes are it`),
    ...known.filter(({ id }) => !needed.has(id)).map(({ id }) => `audit entry ${id}: that the report rests on it`),
    ...REPORT_SECTIONS.flatMap((section) => listProblems(section, claims[section] ?? [], said[section])),
  ];
}
