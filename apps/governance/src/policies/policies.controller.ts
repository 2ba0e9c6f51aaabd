import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import {
  type PolicyBinding,
  policyBindingSchema,
  type PolicyDocument,
  policyDocumentSchema,
  type PolicyDryRun,
  policyNameSchema,
  type PolicyVersion,
  type StoredBinding,
} from '@scc/policy';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { Refusal } from '../refusal/refusal.js';
import { expectedVersion } from '../refusal/version.js';
import { dryRunPolicy } from './dry-run.js';
import { listVerdicts, type PolicyVerdict, verdictFilterSchema, verdictPositionSchema } from './recorded.js';
import {
  findBinding,
  findVersion,
  listPolicyBindings,
  listPolicies,
  newestVersion,
  removePolicyBinding,
  saveBinding,
  savePolicy,
} from './store.js';

const name = { schema: policyNameSchema };
const version = { schema: z.coerce.number().int().min(1).max(1_000_000) };
const verdictListSchema = verdictFilterSchema.extend(pageQuery);
const dryRunSchema = z.object({
  document: policyDocumentSchema,
  binding: policyBindingSchema.pick({ parameters: true, namespaces: true, kinds: true }).prefault({}),
  plans: z.int().min(1).max(2000).default(500).describe('How many of the newest plans are asked about.'),
});

/** Policies are versioned documents; bindings activate a version somewhere. */
@Controller('v1')
export class PoliciesController {
  constructor(private readonly source: DataSource) {}

  @Get('policies')
  @RequirePermission('policies:read', 'shared')
  async policies(): Promise<{ items: PolicyVersion[] }> {
    return { items: await listPolicies(this.source) };
  }

  @Get('policies/:name')
  @RequirePermission('policies:read', 'shared')
  async policy(@Param('name', name) policy: string): Promise<PolicyVersion> {
    const newest = await newestVersion(this.source, policy);
    if (!newest) throw new Refusal('notFound', `no policy ${policy}`);
    return newest;
  }

  @Get('policies/:name/versions/:version')
  @RequirePermission('policies:read', 'shared')
  policyVersion(
    @Param('name', name) policy: string,
    @Param('version', version) number: number,
  ): Promise<PolicyVersion> {
    return findVersion(this.source, policy, number);
  }

  /** Stores the next version; bindings decide whether and where it applies. */
  @Put('policies/:name')
  @RequirePermission('policies:write')
  async save(
    @Param('name', name) policy: string,
    @Body({ schema: policyDocumentSchema }) document: PolicyDocument,
    @Headers() headers: Record<string, string>,
    @Call() call: CallContext,
  ): Promise<PolicyVersion> {
    requireName(policy, document.name);
    const expected = expectedVersion(headers['if-match'], headers['if-none-match']);
    return inTransaction(this.source, (tx) => savePolicy(tx, document, expected, call));
  }

  /** Past plans that a policy would have refused. Changes nothing. */
  @Post('policies/dry-run')
  @HttpCode(200)
  @RequirePermission('policies:write')
  dryRun(@Body({ schema: dryRunSchema }) body: z.infer<typeof dryRunSchema>): Promise<PolicyDryRun> {
    return dryRunPolicy(this.source, body.document, body.binding, body.plans);
  }

  /** Results of policies that stopped no plan: `warn`, `audit`, and what an exception lifted. */
  @Get('policy-verdicts')
  @RequirePermission('policies:read', 'list')
  async verdicts(
    @Query({ schema: verdictListSchema }) { limit, cursor, ...filter }: z.infer<typeof verdictListSchema>,
    @Actor() { scope }: User,
  ): Promise<ListPage<PolicyVerdict>> {
    const after = positionOf(verdictPositionSchema, cursor);
    const found = await listVerdicts(this.source, filter, { limit: limit + 1, after, scope });
    return pageOf(found, limit, ({ evaluatedAt, id }) => ({ at: evaluatedAt, id }));
  }

  @Get('policy-bindings')
  @RequirePermission('policies:read', 'shared')
  async bindings(): Promise<{ items: StoredBinding[] }> {
    return { items: await listPolicyBindings(this.source) };
  }

  @Get('policy-bindings/:name')
  @RequirePermission('policies:read', 'shared')
  async binding(@Param('name', name) binding: string): Promise<StoredBinding> {
    const found = await findBinding(this.source, binding);
    return found;
  }

  @Put('policy-bindings/:name')
  @RequirePermission('policies:activate')
  async bind(
    @Param('name', name) binding: string,
    @Body({ schema: policyBindingSchema }) body: PolicyBinding,
    @Headers() headers: Record<string, string>,
    @Call() call: CallContext,
  ): Promise<StoredBinding> {
    requireName(binding, body.name);
    const expected = expectedVersion(headers['if-match'], headers['if-none-match']);
    return inTransaction(this.source, (tx) => saveBinding(tx, body, expected, call));
  }

  @Delete('policy-bindings/:name')
  @HttpCode(204)
  @RequirePermission('policies:activate')
  async unbind(
    @Param('name', name) binding: string,
    @Headers() headers: Record<string, string>,
    @Call() call: CallContext,
  ): Promise<void> {
    const expected = expectedVersion(headers['if-match']);
    await inTransaction(this.source, (tx) => removePolicyBinding(tx, binding, expected, call));
  }
}

function requireName(path: string, body: string): void {
  if (path !== body)
    throw new Refusal('invalid', 'the name of the path and of the body differ', [
      { field: 'name', message: `is ${body}, the path says ${path}` },
    ]);
}
