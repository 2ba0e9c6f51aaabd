import type { JsonValue } from '../canonical.js';

/**
 * The tables whose rows decide who may do what, or say what was: each row stands because an entry says so. A part of a
 * table that came later has a name of its own, so that what an earlier version left of it can be adopted.
 */
export const AUTHORITY_TABLES = [
  'role_binding',
  'policy_version',
  'policy_binding',
  'policy_exception',
  'calendar_entry',
  'emergency_stop',
  'migration',
  'approval_request',
  'approval_decision',
  'break_glass',
  'command_grant',
  'pre_image',
  'step_authorization',
  'live_edit',
  'activity_begin',
  'workload_claim',
  'risk_model',
  'risk_promotion',
  'scc_version',
  'scc_presence',
  'activity_done',
  'activity_refusal',
  'migration_run',
  'migration_end',
  'evaluation',
  'step_refusal',
  'risk_assessment',
  'risk_outcome',
  'notification_receiver',
  'scc_activation',
  'policy_verdict',
] as const;
export type AuthorityTable = (typeof AUTHORITY_TABLES)[number];

/**
 * What this version writes into its entries to be compared with rows; to be raised with each table or member more. While
 * a replica of a lower revision is being replaced, what it writes is adopted and not held against the log.
 */
export const RECORD_REVISION = 5;

/** The content of a row, as far as it carries authority. */
export type Holds = Readonly<Record<string, JsonValue>>;

/** A row of such a table as it stands; the key is the row's own within its table. */
export interface AuthorityRow {
  table: AuthorityTable;
  key: string;
  holds: Holds;
}

/** The parts of an entry that rows are derived from. */
export interface AuthorityEntry {
  id: string;
  action: string;
  actor: string;
  /** Name of the object. */
  name: string | null;
  namespace: string | null;
  details: unknown;
}
