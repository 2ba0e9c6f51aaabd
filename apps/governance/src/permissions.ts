import { ACCESS_PERMISSIONS } from './access/permissions.js';
import { RoleTable } from './access/roles.js';
import { APPROVALS_PERMISSIONS } from './approvals/permissions.js';
import { AUDIT_PERMISSIONS } from './audit/permissions.js';
import { ENGINE_PERMISSIONS } from './engine/permissions.js';
import { HISTORY_PERMISSIONS } from './history/permissions.js';
import { NOTIFICATIONS_PERMISSIONS } from './notifications/permissions.js';
import { PODS_PERMISSIONS } from './pods/permissions.js';
import { POLICIES_PERMISSIONS } from './policies/permissions.js';
import { REGISTRY_PERMISSIONS } from './registry/permissions.js';
import { REPORTS_PERMISSIONS } from './reports/permissions.js';
import { RISK_PERMISSIONS } from './risk/permissions.js';
import { SCANS_PERMISSIONS } from './scans/permissions.js';
import { SCHEDULE_PERMISSIONS } from './schedule/permissions.js';
import { STOPS_PERMISSIONS } from './stops/permissions.js';

/** The permissions of each role in the whole service. */
export const ROLE_TABLE = new RoleTable([
  ...[...ACCESS_PERMISSIONS, ...APPROVALS_PERMISSIONS, ...AUDIT_PERMISSIONS, ...ENGINE_PERMISSIONS],
  ...[
    ...HISTORY_PERMISSIONS,
    ...NOTIFICATIONS_PERMISSIONS,
    ...PODS_PERMISSIONS,
    ...POLICIES_PERMISSIONS,
    ...REGISTRY_PERMISSIONS,
  ],
  ...[...REPORTS_PERMISSIONS, ...RISK_PERMISSIONS, ...SCANS_PERMISSIONS, ...SCHEDULE_PERMISSIONS, ...STOPS_PERMISSIONS],
]);
