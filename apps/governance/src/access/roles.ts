import { DOMAIN_PERMISSIONS } from '../permissions.js';

export const ROLES = ['viewer', 'operator', 'approver', 'policy-author', 'auditor', 'admin', 'engine'] as const;
export type Role = (typeof ROLES)[number];

/** Permissions about access itself, beside those of the domain. */
const ACCESS_PERMISSIONS: Partial<Record<Role, readonly string[]>> = {
  auditor: ['access:read', 'break-glass:review'],
  admin: ['access:read', 'access:write', 'break-glass:use', 'break-glass:review'],
};

/** What each role may do. Nobody holds what is not listed. */
export const ROLE_PERMISSIONS: Record<Role, ReadonlySet<string>> = {
  viewer: permissionsOf('viewer'),
  operator: permissionsOf('operator'),
  approver: permissionsOf('approver'),
  'policy-author': permissionsOf('policy-author'),
  auditor: permissionsOf('auditor'),
  admin: permissionsOf('admin'),
  engine: permissionsOf('engine'),
};

function permissionsOf(role: Role): ReadonlySet<string> {
  return new Set([...DOMAIN_PERMISSIONS[role], ...(ACCESS_PERMISSIONS[role] ?? [])]);
}

/** Every permission that some role has. */
export const PERMISSIONS: readonly string[] = [
  ...new Set(Object.values(ROLE_PERMISSIONS).flatMap((permissions) => [...permissions])),
].sort();

/** The group of the virtual resources that stand for permissions in the cluster's RBAC. */
export const API_GROUP = 'governance.scc.poc';

/** The virtual resource and verb of a permission: `approvals:decide` is `decide` of `approvals.governance.scc.poc`. */
export function resourceOf(permission: string): { resource: string; verb: string } {
  const [resource = '', verb = '', ...rest] = permission.split(':');
  if (resource === '' || verb === '' || rest.length > 0) throw new Error(`${permission} is not resource:verb`);
  return { resource, verb };
}

/** That a subject holds a role is itself a right in the cluster: `hold` of `roles.governance.scc.poc/approver`. */
export const HOLD_ROLE = { resource: 'roles', verb: 'hold' } as const;
