import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Access, type CallerAccess, type Grant, type CallerIdentity } from '../call/actor.js';
import { AnyCaller } from '../call/require-permission.js';
import type { Scope } from '../call/scope.js';
import { Authorizer } from './authorize.js';
import { API_GROUP, resourceOf } from './roles.js';
import type { AccessMode } from './settings.js';

const querySchema = z.object({
  namespace: z.string().min(1).max(63).optional().describe('Only what applies there.'),
});

interface HeldPermission {
  permission: string;
  /** Patterns. */
  namespaces: Scope;
  /** The roles that have it; empty when the cluster's RBAC grants it by itself. */
  roles: string[];
  /** Verb and resource, as `kubectl auth can-i --list` shows them. */
  rbac: string;
}

export interface MeAnswer {
  name: string;
  groups: string[];
  authenticatedBy: CallerIdentity['by'];
  mode: AccessMode;
  roles: Grant[];
  permissions: HeldPermission[];
}

/** The rights of a caller, and their reasons. */
@Controller('v1/me')
export class MeController {
  constructor(private readonly authorizer: Authorizer) {}

  @Get()
  @AnyCaller()
  async me(
    @Query({ schema: querySchema }) { namespace }: z.infer<typeof querySchema>,
    @Access() { identity }: CallerAccess,
  ): Promise<MeAnswer> {
    const holder = await this.authorizer.holderOf(identity, namespace ?? null);
    const roles = await this.authorizer.grantsOf(holder);
    const permissions = await Promise.all(
      this.authorizer.roles.permissions.map(async (permission) => ({
        permission,
        namespaces: await this.authorizer.scopeOf(holder, permission),
        roles: [...new Set(roles.map(({ role }) => role))].filter((role) =>
          this.authorizer.roles.of(role).has(permission),
        ),
        rbac: rbacOf(permission),
      })),
    );
    return {
      name: identity.name,
      groups: identity.groups,
      authenticatedBy: identity.by,
      mode: this.authorizer.mode,
      roles,
      permissions: permissions.filter(({ namespaces }) => namespaces.length > 0),
    };
  }
}

function rbacOf(permission: string): string {
  const { resource, verb } = resourceOf(permission);
  return `${verb} ${resource}.${API_GROUP}`;
}
