import { type Role, ROLES } from '../call/roles.js';
import { API_GROUP, HOLD_ROLE, resourceOf, type RoleTable } from './roles.js';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

export interface ClusterRole {
  apiVersion: 'rbac.authorization.k8s.io/v1';
  kind: 'ClusterRole';
  metadata: { name: string };
  rules: Rule[];
}

export const governanceRoleName = (role: Role): string => `scc-governance-${role}`;

/** The roles as ClusterRoles of virtual resources, to be bound where the cluster's RBAC decides. */
export const clusterRoles = (table: RoleTable): ClusterRole[] =>
  ROLES.map((role) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: governanceRoleName(role) },
    rules: [
      ...permissionRules(table.of(role)),
      { apiGroups: [API_GROUP], resources: [HOLD_ROLE.resource], resourceNames: [role], verbs: [HOLD_ROLE.verb] },
    ],
  }));

/** Resources with the same verbs share a rule. */
function permissionRules(permissions: ReadonlySet<string>): Rule[] {
  const verbsOf = new Map<string, string[]>();
  for (const permission of [...permissions].sort()) {
    const { resource, verb } = resourceOf(permission);
    verbsOf.set(resource, [...(verbsOf.get(resource) ?? []), verb]);
  }
  const rules = new Map<string, Rule>();
  for (const [resource, verbs] of verbsOf) {
    const rule = rules.get(verbs.join()) ?? { apiGroups: [API_GROUP], resources: [], verbs };
    rules.set(verbs.join(), { ...rule, resources: [...rule.resources, resource] });
  }
  return [...rules.values()];
}
