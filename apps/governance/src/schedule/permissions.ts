import { forPeople, type RolePermissions } from '../call/roles.js';

const WRITE = ['calendar:write'];

export const SCHEDULE_PERMISSIONS: readonly RolePermissions[] = [
  forPeople('calendar:read'),
  { 'policy-author': WRITE, admin: WRITE },
];
