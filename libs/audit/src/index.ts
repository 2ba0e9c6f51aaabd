export { canonicalBytes, hashOf, type JsonValue } from './canonical.js';
export { leafHash, EMPTY_ROOT, HASH_BYTES } from './hashing.js';
export { CompactRange, CompactRangeError } from './compact-range.js';
export { consistencySpans, inclusionSpans, verifyConsistency, verifyInclusion, type LeafSpan } from './proofs.js';
export { hashOfSpan, splitHashes, TILE_WIDTH, TileBuilder, type Tile } from './tiles.js';
export {
  isSignedBy,
  NoteError,
  parseNote,
  parseVerifier,
  signerFromPem,
  signNote,
  type NoteSigner,
  type NoteVerifier,
} from './note.js';
export { parseCheckpoint, signCheckpoint, type Checkpoint } from './checkpoint.js';
export { auditBodySchema, columnsOf, encodeBody, type AuditActor, type AuditBody, type AuditObject } from './entry.js';
export {
  EXPORT_FORMAT,
  ExportFormatError,
  formatExportLine,
  parseExportLine,
  type EntryRow,
  type SealedEntry,
  type LogRecord,
} from './export.js';
export {
  auditConsistencySchema,
  auditContradictionsSchema,
  auditEntryDetailSchema,
  auditEntryPageSchema,
  auditEntrySummarySchema,
  auditStateSchema,
  readModelDifferencesSchema,
  type AuditConsistency,
  type AuditContradictions,
  type AuditEntryDetail,
  type AuditEntrySummary,
  type AuditInclusion,
  type AuditState,
} from './api.js';
export { type Finding } from './findings.js';
export {
  formerKeys,
  KEY_ROTATED,
  publishedRotationsSchema,
  readRotation,
  rotationDetails,
  type PublishedRotation,
} from './keys.js';
export { type Anchor } from './anchors.js';
export { type HeldReceipt } from './receipts.js';
export { beginVerification, verifyLog, type RunningVerification, type Trust, type VerifyReport } from './verify.js';
export { AuthorityCheck, type Contradiction } from './authority/compare.js';
export { AUTHORITY_ACTIONS } from './authority/rules.js';
export { AUTHORITY_TABLES, RECORD_REVISION, type AuthorityRow, type AuthorityTable } from './authority/rows.js';
export { migrationClaims, placeOfEvent, type MigrationClaims } from './migration-claims.js';
export { unsaidClaims } from './proof-document.js';
export { noticedLate, type NoticedLate } from './noticed-late.js';
export { REPORT_SECTIONS, reportClaims, reportEntries, type ReportSection } from './report/claims.js';
export {
  provedEntrySchema,
  type ProvedEntry,
  type ReportDocument,
  reportNoteText,
  type SignedReport,
  signedReportSchema,
  unsaidInReport,
} from './report/document.js';
export { bodyOf, isOfReport, REPORT_ACTIONS, type ReportPeriod } from './report/entries.js';
