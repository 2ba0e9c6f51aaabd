import type {
  approvalSummarySchema,
  eventRecordSchema,
  migrationDetailSchema,
  migrationSummarySchema,
  podCountSchema,
  sccDriftSchema,
} from '@scc/governance-api';
import type { z } from 'zod';

export type { ApprovalState, ApprovalView } from '@scc/governance-api';
export type ListedApproval = z.infer<typeof approvalSummarySchema>;
export type ListedEvent = z.infer<typeof eventRecordSchema>;
export type ShownMigration = z.infer<typeof migrationDetailSchema>;
export type ListedMigration = z.infer<typeof migrationSummarySchema>;
export type PodCount = z.infer<typeof podCountSchema>;
export type SCCDrift = z.infer<typeof sccDriftSchema>;

export interface PageOf<Item> {
  items: Item[];
  nextCursor: string | null;
}

export interface KnownUser {
  name: string;
  /** The namespace of the workflows in the Temporal Web UI; null where governance does not know its address. */
  temporalUi: string | null;
  groups: string[];
  authenticatedBy: string;
  roles: { role: string; namespaces: string; because: string }[];
  permissions: { permission: string; namespaces: string[]; roles: string[] }[];
}
