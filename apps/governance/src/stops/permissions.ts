import type { RolePermissions } from '../call/roles.js';

const STOP = ['migrations:stop'];

export const STOPS_PERMISSIONS: readonly RolePermissions[] = [{ operator: STOP, admin: STOP }];
