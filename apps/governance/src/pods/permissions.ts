import { forPeople, type RolePermissions } from '../call/roles.js';

export const PODS_PERMISSIONS: readonly RolePermissions[] = [forPeople('pods:read')];
