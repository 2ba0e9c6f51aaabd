import { ROLES } from '../call/roles.js';
import { API_GROUP, resourceOf, type RoleTable } from './roles.js';
import type { AccessMode } from './settings.js';

/** A sentence that says who can give a permission where it is missing, and by what. */
export function whoGives(permission: string, { mode, roles }: { mode: AccessMode; roles: RoleTable }): string {
  const having = ROLES.filter((role) => roles.of(role).has(permission));
  const { resource, verb } = resourceOf(permission);
  const byBinding = `an admin there can bind you a role that has it (${having.join(', ')})`;
  const byCluster = `an administrator of the cluster can give you the verb ${verb} of ${resource}.${API_GROUP} there`;
  switch (mode) {
    case 'bindings':
      return byBinding;
    case 'kubernetes':
      return byCluster;
    case 'both':
      return `${byBinding}, and ${byCluster}: both are needed`;
  }
}
