import { forPeople, type RolePermissions } from '../call/roles.js';

const RUN = ['scans:run'];

export const SCANS_PERMISSIONS: readonly RolePermissions[] = [forPeople('scans:read'), { operator: RUN, admin: RUN }];
