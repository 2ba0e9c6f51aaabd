import { Body, Controller, Get, Headers, Param, Post, Query } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { expectedVersion } from '../refusal/version.js';
import {
  approveException,
  type ExceptionInput,
  exceptionInputSchema,
  listExceptions,
  type PolicyException,
  requestException,
  revokeException,
} from './exceptions.js';

const id = { schema: z.string().regex(/^[0-9]{1,18}$/) };

/** Time-boxed exceptions from one policy for one target, agreed to by two people. */
@Controller('v1/policy-exceptions')
export class ExceptionsController {
  constructor(private readonly source: DataSource) {}

  @Get()
  @RequirePermission('exceptions:read', 'list')
  async list(
    @Query({ schema: namespaceQuery }) _query: z.infer<typeof namespaceQuery>,
    @Actor() { scope }: User,
    @Call() { now }: CallContext,
  ): Promise<{ items: PolicyException[] }> {
    return { items: await listExceptions(this.source, scope, now) };
  }

  @Post()
  @RequirePermission('exceptions:request', 'body')
  request(
    @Body({ schema: exceptionInputSchema }) body: ExceptionInput,
    @Call() call: CallContext,
  ): Promise<PolicyException> {
    return inTransaction(this.source, (tx) => requestException(tx, body, call));
  }

  @Post(':id/approval')
  @RequirePermission('exceptions:approve', 'exception')
  async approve(
    @Param('id', id) exception: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Call() call: CallContext,
  ): Promise<PolicyException> {
    const expected = expectedVersion(ifMatch);
    return inTransaction(this.source, (tx) => approveException(tx, exception, expected, call));
  }

  @Post(':id/revocation')
  @RequirePermission('exceptions:revoke', 'exception')
  async revoke(
    @Param('id', id) exception: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Call() call: CallContext,
  ): Promise<PolicyException> {
    const expected = expectedVersion(ifMatch);
    return inTransaction(this.source, (tx) => revokeException(tx, exception, expected, call));
  }
}
