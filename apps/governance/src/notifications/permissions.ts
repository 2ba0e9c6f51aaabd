import type { RolePermissions } from '../call/roles.js';

const READ = ['notifications:read'];

export const NOTIFICATIONS_PERMISSIONS: readonly RolePermissions[] = [
  { operator: READ, auditor: READ, admin: [...READ, 'notifications:write'] },
];
