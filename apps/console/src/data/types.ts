import type {
  approvalStateSchema,
  approvalSummarySchema,
  eventRecordSchema,
  migrationDetailSchema,
  migrationSummarySchema,
  podCountSchema,
  sccDriftSchema,
} from '@scc/governance-api';
import type { z } from 'zod';

export type { ApprovalView } from '@scc/governance-api';
export type ApprovalState = z.infer<typeof approvalStateSchema>;
export type ApprovalSummary = z.infer<typeof approvalSummarySchema>;
export type EventRecord = z.infer<typeof eventRecordSchema>;
export type MigrationDetail = z.infer<typeof migrationDetailSchema>;
export type MigrationSummary = z.infer<typeof migrationSummarySchema>;
export type PodCount = z.infer<typeof podCountSchema>;
export type SCCDrift = z.infer<typeof sccDriftSchema>;

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

export interface Me {
  name: string;
  groups: string[];
  authenticatedBy: string;
  roles: { role: string; namespaces: string; because: string }[];
  permissions: { permission: string; namespaces: string[]; roles: string[] }[];
}
