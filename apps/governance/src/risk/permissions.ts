import { forPeople, type RolePermissions } from '../call/roles.js';

export const RISK_PERMISSIONS: readonly RolePermissions[] = [forPeople('risk:read'), { admin: ['risk:promote'] }];
