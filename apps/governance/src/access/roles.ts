import { type Role, type RolePermissions, ROLES } from '../call/roles.js';

/**
 * The permissions of each role: the sum of what the features declare. A permission that no feature declares is held by
 * no role.
 */
export class RoleTable {
  readonly #permissions: ReadonlyMap<Role, ReadonlySet<string>>;
  /** Every permission that some role has, sorted. */
  readonly permissions: readonly string[];

  constructor(declared: readonly RolePermissions[]) {
    this.#permissions = new Map(
      ROLES.map((role) => [role, new Set(declared.flatMap((feature) => feature[role] ?? []))]),
    );
    this.permissions = [...new Set([...this.#permissions.values()].flatMap((held) => [...held]))].sort();
  }

  of(role: Role): ReadonlySet<string> {
    return this.#permissions.get(role) ?? new Set();
  }
}

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
