import { forPeople, type RolePermissions } from '../call/roles.js';

const WRITE = ['policies:write', 'policies:activate'];
const REQUEST = ['exceptions:request'];
const DECIDE = ['exceptions:approve', 'exceptions:revoke'];

export const POLICIES_PERMISSIONS: readonly RolePermissions[] = [
  forPeople('policies:read', 'exceptions:read'),
  { 'policy-author': [...WRITE, ...REQUEST], operator: REQUEST, approver: DECIDE },
  { admin: [...WRITE, ...REQUEST, ...DECIDE] },
];
