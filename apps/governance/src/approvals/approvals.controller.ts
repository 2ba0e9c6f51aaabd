import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { type ApprovalDecision, approvalDecisionSchema, type ApprovalState } from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { PlanRights } from '../access/plan-rights.js';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { SharedAnswer } from '../call/shared-answer.js';
import { inTransaction } from '../database/transaction.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { uidSchema } from '../plans/store.js';
import { REQUEST_STATUSES } from './approval.entity.js';
import { recordDecision, withdraw } from './decisions.js';
import { type ApprovalRow, listRequests } from './requests.js';

const uid = { schema: uidSchema };
const listSchema = z.object({
  ...pageQuery,
  status: z.enum(REQUEST_STATUSES).optional(),
  namespace: z.string().max(63).optional(),
  plan: uidSchema.optional().describe('The uid of a plan.'),
});
const position = z.string().regex(/^[0-9]{1,18}$/);

@Controller('v1')
export class ApprovalsController {
  constructor(
    private readonly source: DataSource,
    private readonly rights: PlanRights,
  ) {}

  @Get('approvals')
  @RequirePermission('approvals:read', 'list')
  @SharedAnswer()
  async list(
    @Query({ schema: listSchema }) { limit, cursor, ...filter }: z.infer<typeof listSchema>,
    @Actor() { scope }: User,
    @Call() { now }: CallContext,
  ): Promise<ListPage<ApprovalRow>> {
    const after = positionOf(position, cursor);
    const found = await listRequests(this.source, filter, { limit: limit + 1, after, scope }, now);
    return pageOf(found, limit, ({ id }) => id);
  }

  /** Approves or refuses what the plan would do, as the caller saw it. */
  @Post('migrations/:id/approvals')
  @HttpCode(200)
  @RequirePermission('approvals:decide', 'migration')
  decide(
    @Param('id', uid) id: string,
    @Body({ schema: approvalDecisionSchema }) body: ApprovalDecision,
    @Call() call: CallContext,
  ): Promise<ApprovalState> {
    const { reviewLender } = this.rights;
    return inTransaction(this.source, (tx) => recordDecision(tx, id, body, { ...call, reviewLender }));
  }

  /** Takes back the caller's own decision. */
  @Delete('migrations/:id/approvals')
  @RequirePermission('approvals:decide', 'migration')
  withdraw(@Param('id', uid) id: string, @Call() call: CallContext): Promise<ApprovalState> {
    return inTransaction(this.source, (tx) => withdraw(tx, id, call));
  }
}
