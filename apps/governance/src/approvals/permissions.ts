import { forPeople, type RolePermissions } from '../call/roles.js';

export const APPROVALS_PERMISSIONS: readonly RolePermissions[] = [
  forPeople('approvals:read'),
  { approver: ['approvals:decide'], admin: ['approvals:decide'], engine: ['approvals:read'] },
  { auditor: ['break-glass:review'], admin: ['break-glass:use', 'break-glass:review'] },
];
