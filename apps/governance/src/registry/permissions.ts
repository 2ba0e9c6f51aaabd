import { forPeople, type RolePermissions } from '../call/roles.js';

export const REGISTRY_PERMISSIONS: readonly RolePermissions[] = [forPeople('registry:read')];
