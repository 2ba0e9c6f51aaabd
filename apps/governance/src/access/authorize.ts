import type { Grant, CallerIdentity } from '../call/actor.js';
import type { KnownAs } from '../call/caller.js';
import { type Role, ROLES } from '../call/roles.js';
import { scopeCovers, intersection, isInScope, type Scope, narrowedTo } from '../call/scope.js';
import { Together } from '../call/together.js';
import type { Queryable } from '../database/rows.js';
import { accessBindingsOf } from './bindings.js';
import type { ClusterGrants } from './kubernetes.js';
import type { RoleTable } from './roles.js';
import type { AccessMode } from './settings.js';

/** Roles that the configuration gives, so that there is a first admin and the worker can work. */
export interface ConfiguredRoles {
  adminUsers: string[];
  adminGroups: string[];
  engine: string;
}

export interface AuthorizerOptions {
  mode: AccessMode;
  db: Queryable;
  cluster: ClusterGrants;
  configured: ConfiguredRoles;
  /** The permissions of each role. */
  roles: RoleTable;
}

/** A user with the roles that bindings and the configuration give them. */
export interface Holder {
  identity: CallerIdentity;
  namespace: string | null;
  bound: Grant[];
}

/** Finds out what a caller may do, and where. */
export class Authorizer {
  readonly mode: AccessMode;
  readonly roles: RoleTable;
  readonly #options: AuthorizerOptions;
  /** A browser asks for several things at once. */
  readonly #bound = new Together<Grant[]>();

  constructor(options: AuthorizerOptions) {
    this.mode = options.mode;
    this.roles = options.roles;
    this.#options = options;
  }

  /**
   * Reads the bindings of a caller.
   * @param namespace the only one that matters; null for all. The cluster then tells of what is held everywhere.
   */
  async holderOf(identity: CallerIdentity, namespace: string | null): Promise<Holder> {
    const bound = this.mode === 'kubernetes' ? [] : await this.#boundTo(identity);
    const here = bound.filter(({ namespaces }) => namespace === null || isInScope([namespaces], namespace));
    return { identity, namespace, bound: here };
  }

  /** The roles that a caller holds, each with its place. */
  async grantsOf({ identity, namespace, bound }: Holder): Promise<Grant[]> {
    if (this.mode === 'bindings') return bound;
    const roles = await this.#options.cluster.rolesOf(identity, namespace);
    // The cluster's words on one namespace say nothing of the others that a binding may name.
    if (this.mode === 'both')
      return bound
        .filter(({ role }) => roles.includes(role))
        .map((grant) => ({ ...grant, namespaces: namespace ?? grant.namespaces }));
    return roles.map((role) => ({ role, namespaces: namespace ?? '*', because: `RBAC of the cluster: hold ${role}` }));
  }

  /**
   * Whether a caller who was known before holds a role in a namespace now. @throws Refusal when that cannot be asked.
   */
  readonly holdsRole = async (
    { name, groups, uid, extra }: { name: string } & KnownAs,
    role: string,
    namespace: string,
  ): Promise<boolean> => {
    const holder = await this.holderOf({ name, groups, uid, extra, by: 'tokenReview', isOfCluster: true }, namespace);
    return (await this.grantsOf(holder)).some((grant) => grant.role === role);
  };

  /** Where a caller may do something. */
  async scopeOf({ identity, namespace, bound }: Holder, permission: string): Promise<Scope> {
    const { cluster } = this.#options;
    if (this.mode === 'kubernetes') return cluster.scopeOf(identity, permission, namespace);
    const scope = narrowedTo(this.#scopeIn(bound, permission), namespace);
    if (this.mode === 'bindings' || scope.length === 0) return scope;
    return intersection(scope, await cluster.scopeOf(identity, permission, namespace));
  }

  /** Whether a caller is permitted something in any namespace. The engine's own permissions need no look-up. */
  async mayAnywhere(identity: CallerIdentity, permission: string): Promise<boolean> {
    const isEngine = identity.name === this.#options.configured.engine;
    if (isEngine && this.roles.of('engine').has(permission)) return true;
    return (await this.scopeOf(await this.holderOf(identity, null), permission)).length > 0;
  }

  /**
   * The permissions of a role that a user lacks where a binding would give it: users give only what they have. Which
   * roles they hold is asked elsewhere, and says it all without the cluster. Admins of everything give every role.
   */
  async lackingOf(
    identity: CallerIdentity,
    { role, namespaces }: { role: Role; namespaces: string },
  ): Promise<string[]> {
    if (this.mode === 'bindings') return [];
    const holder = await this.holderOf(identity, namespaces.includes('*') ? null : namespaces);
    const grants = await this.grantsOf(holder);
    if (grants.some((grant) => grant.role === 'admin' && grant.namespaces === '*')) return [];
    const permissions = [...this.roles.of(role)];
    const scopes = await Promise.all(permissions.map((permission) => this.scopeOf(holder, permission)));
    return permissions.filter((_permission, index) => !scopeCovers(scopes[index] ?? [], namespaces));
  }

  /** Where grants hold a permission. */
  #scopeIn(grants: readonly Grant[], permission: string): Scope {
    const holding = grants.filter(({ role }) => this.roles.of(role).has(permission));
    return [...new Set(holding.map(({ namespaces }) => namespaces))];
  }

  #boundTo(identity: CallerIdentity): Promise<Grant[]> {
    const { name, groups } = identity;
    return this.#bound.ask(JSON.stringify([name, groups]), () => this.#boundNow(identity));
  }

  async #boundNow(identity: CallerIdentity): Promise<Grant[]> {
    const stored = await accessBindingsOf(this.#options.db, identity);
    return [
      ...configuredFor(identity, this.#options.configured),
      ...stored.map(({ id, role, subject, namespaces }) => ({
        role,
        namespaces,
        because: `role binding ${id} of ${subject.kind} ${subject.name}`,
      })),
    ];
  }
}

function configuredFor(
  { name, groups }: CallerIdentity,
  { adminUsers, adminGroups, engine }: ConfiguredRoles,
): Grant[] {
  const grant = (role: Role, because: string): Grant => ({ role, namespaces: '*', because });
  return [
    ...(adminUsers.includes(name) ? [grant('admin', 'ADMIN_USERS')] : []),
    ...adminGroups.filter((group) => groups.includes(group)).map((group) => grant('admin', `ADMIN_GROUPS: ${group}`)),
    ...(name === engine ? [grant('engine', 'ENGINE_SERVICE_ACCOUNT')] : []),
  ];
}

export const rolesIn = (grants: readonly Grant[]): Role[] =>
  ROLES.filter((role) => grants.some((grant) => grant.role === role));
