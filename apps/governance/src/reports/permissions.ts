import type { RolePermissions } from '../call/roles.js';

const READ = ['reports:read'];

/** A report shows entries of the audit log, as `audit:read` does. */
export const REPORTS_PERMISSIONS: readonly RolePermissions[] = [{ auditor: READ, admin: READ }];
