import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { type EventBatch, type EventBatchResult, eventBatchSchema } from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { uidSchema } from '../plans/store.js';
import { seenRuns, WorkflowRuns } from '../engine/runs.js';
import { report } from './report.js';

/** The reports of the engine. */
@Controller('v1/migrations/:id/events')
export class EventsController {
  constructor(
    private readonly source: DataSource,
    private readonly runs: WorkflowRuns,
  ) {}

  @Post()
  @HttpCode(200)
  @RequirePermission('events:report', 'migration')
  async report(
    @Param('id', { schema: uidSchema }) id: string,
    @Body({ schema: eventBatchSchema }) body: EventBatch,
    @Call() call: CallContext,
  ): Promise<EventBatchResult> {
    const seen = await seenRuns(this.source, { uid: id, run: body, isRunning: this.runs.isRunning });
    return inTransaction(this.source, (tx) => report(tx, id, body, { ...call, seen }));
  }
}
