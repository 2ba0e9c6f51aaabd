import { forPeople, type RolePermissions } from '../call/roles.js';

export const HISTORY_PERMISSIONS: readonly RolePermissions[] = [
  forPeople('migrations:read', 'proofs:read'),
  { admin: ['migrations:rebuild'], engine: ['events:report'] },
];
