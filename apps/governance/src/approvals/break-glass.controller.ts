import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { ApprovalState } from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { uidSchema } from '../plans/store.js';
import {
  breakGlass,
  type BreakGlassInput,
  breakGlassInput,
  type BreakGlassUse,
  listBreakGlass,
  reviewBreakGlass,
  reviewInput,
} from './break-glass.js';

const listSchema = z.object({
  all: z.enum(['true', 'false']).default('false').describe('true also lists what was reviewed.'),
});

/** For the night when no approver can be reached. */
@Controller('v1')
export class BreakGlassController {
  constructor(private readonly source: DataSource) {}

  /** Grants what waits for approval at once, for a reason that another person will review. */
  @Post('migrations/:id/break-glass')
  @HttpCode(200)
  @RequirePermission('break-glass:use', 'migration')
  use(
    @Param('id', { schema: uidSchema }) plan: string,
    @Body({ schema: breakGlassInput }) body: BreakGlassInput,
    @Call() call: CallContext,
  ): Promise<ApprovalState> {
    return inTransaction(this.source, (tx) => breakGlass(tx, plan, body, call));
  }

  @Get('break-glass')
  @RequirePermission('break-glass:review')
  async list(@Query({ schema: listSchema }) { all }: z.infer<typeof listSchema>): Promise<{ items: BreakGlassUse[] }> {
    return { items: await listBreakGlass(this.source, all === 'true') };
  }

  @Post('break-glass/:id/review')
  @HttpCode(200)
  @RequirePermission('break-glass:review')
  review(
    @Param('id', { schema: z.string().regex(/^[0-9]{1,18}$/) }) use: string,
    @Body({ schema: reviewInput }) { review }: z.infer<typeof reviewInput>,
    @Call() call: CallContext,
  ): Promise<BreakGlassUse> {
    return inTransaction(this.source, (tx) => reviewBreakGlass(tx, use, review, call));
  }
}
