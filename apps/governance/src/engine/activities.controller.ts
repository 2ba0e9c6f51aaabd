import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  type BeginRequest,
  beginRequestSchema,
  type BeginVerdict,
  type DoneRequest,
  doneRequestSchema,
  type DoneVerdict,
  type RunVerdict,
  type UndoSeal,
  type WorkflowRun,
  workflowRunSchema,
} from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { PlanRights } from '../access/plan-rights.js';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { uidSchema } from '../plans/store.js';
import { begin, done } from './begin.js';
import { handOver, seenRuns, takeOver, WorkflowRuns } from './runs.js';
import { UndoSealer } from './seal.js';

const uid = { schema: uidSchema };

/** Before an activity changes the cluster, and after it: which run may do it, and with what. */
@Controller('v1/migrations/:id')
export class ActivitiesController {
  constructor(
    private readonly source: DataSource,
    private readonly runs: WorkflowRuns,
    private readonly sealer: UndoSealer,
    private readonly rights: PlanRights,
  ) {}

  @Post('activities')
  @HttpCode(200)
  @RequirePermission('steps:authorize', 'migration')
  async begin(
    @Param('id', uid) id: string,
    @Body({ schema: beginRequestSchema }) body: BeginRequest,
    @Call() call: CallContext,
  ): Promise<BeginVerdict> {
    const seen = await this.seen(id, body);
    return inTransaction(this.source, (tx) => begin(tx, id, body, { ...call, seen, mayGrant: this.rights.mayGrant }));
  }

  @Post('activities/done')
  @HttpCode(200)
  @RequirePermission('steps:authorize', 'migration')
  done(
    @Param('id', uid) id: string,
    @Body({ schema: doneRequestSchema }) body: DoneRequest,
    @Call() call: CallContext,
  ): Promise<DoneVerdict> {
    return inTransaction(this.source, (tx) => done(tx, id, body, call));
  }

  @Post('handover')
  @HttpCode(200)
  @RequirePermission('steps:authorize', 'migration')
  handOver(
    @Param('id', uid) id: string,
    @Body({ schema: workflowRunSchema }) body: WorkflowRun,
    @Call() call: CallContext,
  ): Promise<RunVerdict> {
    return inTransaction(this.source, (tx) => handOver(tx, id, body, call));
  }

  @Post('takeover')
  @HttpCode(200)
  @RequirePermission('steps:authorize', 'migration')
  async takeOver(
    @Param('id', uid) id: string,
    @Body({ schema: workflowRunSchema }) body: WorkflowRun,
    @Call() call: CallContext,
  ): Promise<RunVerdict> {
    const seen = await this.seen(id, body);
    return inTransaction(this.source, (tx) => takeOver(tx, id, body, { ...call, seen }));
  }

  private seen(id: string, run: WorkflowRun) {
    return seenRuns(this.source, { uid: id, run, isRunning: this.runs.isRunning });
  }

  @Get('undo-material')
  @RequirePermission('pre-images:read', 'migration')
  seal(@Param('id', uid) id: string): Promise<UndoSeal> {
    return this.sealer.seal(this.source, id);
  }
}
