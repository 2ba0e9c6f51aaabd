import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Access, Actor, Call, type CallerAccess, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { ROLES } from '../call/roles.js';
import { inTransaction } from '../database/transaction.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { Refusal } from '../refusal/refusal.js';
import { Authorizer } from './authorize.js';
import {
  createBinding,
  listBindings,
  removeBinding,
  type RoleBinding,
  roleBindingInput,
  type RoleBindingInput,
} from './bindings.js';

const listSchema = z.object({
  ...pageQuery,
  ...namespaceQuery.shape,
  role: z.enum(ROLES).optional(),
  subject: z.string().min(1).max(256).optional().describe('The name of a user or group.'),
});
const id = z.string().regex(/^[0-9]{1,18}$/);

/** Which role a user or group has, and in which namespaces. */
@Controller('v1/role-bindings')
export class RoleBindingsController {
  constructor(
    private readonly source: DataSource,
    private readonly authorizer: Authorizer,
  ) {}

  @Get()
  @RequirePermission('access:read', 'list')
  async list(
    @Query({ schema: listSchema }) { limit, cursor, namespace: _narrowed, ...filter }: z.infer<typeof listSchema>,
    @Actor() { scope }: User,
  ): Promise<ListPage<RoleBinding>> {
    const after = positionOf(id, cursor);
    const found = await listBindings(this.source, { ...filter, scope }, { limit: limit + 1, after });
    return pageOf(found, limit, (binding) => binding.id);
  }

  @Post()
  @RequirePermission('access:write', 'binding')
  async create(
    @Body({ schema: roleBindingInput }) body: RoleBindingInput,
    @Access() { grants, identity, scope }: CallerAccess,
    @Call() call: CallContext,
  ): Promise<RoleBinding> {
    const lacking = await this.authorizer.lackingOf(identity, body);
    if (lacking.length > 0)
      throw new Refusal(
        'forbidden',
        `you lack ${lacking.join(', ')} in ${body.namespaces}, which ${body.role} has: you can only grant a role that you hold yourself, where you hold it`,
      );
    return inTransaction(this.source, (tx) => createBinding(tx, body, { grants, scope }, call));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('access:write', 'list')
  async remove(
    @Param('id', { schema: id }) binding: string,
    @Query({ schema: namespaceQuery }) _narrowed: z.infer<typeof namespaceQuery>,
    @Access() { grants, scope }: CallerAccess,
    @Call() call: CallContext,
  ): Promise<void> {
    await inTransaction(this.source, (tx) => removeBinding(tx, binding, { grants, scope }, call));
  }
}
