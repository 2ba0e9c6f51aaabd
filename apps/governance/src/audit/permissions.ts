import { forPeople, type RolePermissions } from '../call/roles.js';

const READ = ['audit:read', 'audit:export'];

export const AUDIT_PERMISSIONS: readonly RolePermissions[] = [
  // Checkpoints and receipts are safe to show: the more people keep them, the less can be hidden.
  forPeople('audit:witness'),
  // Admins make rows; whoever answers for one that no entry made should not be the same.
  { auditor: [...READ, 'audit:answer'], admin: READ, engine: ['audit:witness'] },
];
