import type { RolePermissions } from '../call/roles.js';

export const ACCESS_PERMISSIONS: readonly RolePermissions[] = [
  { auditor: ['access:read'], admin: ['access:read', 'access:write'] },
];
