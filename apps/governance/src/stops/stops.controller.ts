import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  type EmergencyStop,
  type StopAnswer,
  type StopRequest,
  stopLiftSchema,
  stopRequestSchema,
} from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { unreachedBy, WorkflowReach } from './reach.js';
import { liftStop, listStops, setStop, stopIdSchema } from './stops.js';

const listSchema = namespaceQuery.extend({
  all: z.enum(['true', 'false']).default('false').describe('Also those that were lifted.'),
});

/** The emergency stop. */
@Controller('v1/stops')
export class StopsController {
  constructor(
    private readonly source: DataSource,
    private readonly reach: WorkflowReach,
  ) {}

  @Get()
  @RequirePermission('migrations:read', 'list')
  async list(
    @Query({ schema: listSchema }) { all }: z.infer<typeof listSchema>,
    @Actor() { scope }: User,
  ): Promise<{ items: EmergencyStop[] }> {
    return { items: await listStops(this.source, all === 'true', scope) };
  }

  @Post()
  @RequirePermission('migrations:stop', 'stopRequest')
  async stop(@Body({ schema: stopRequestSchema }) body: StopRequest, @Call() call: CallContext): Promise<StopAnswer> {
    const set = await inTransaction(this.source, (tx) => setStop(tx, body, call));
    // The stop is in force by now, whoever answers.
    return { ...set, unreached: await unreachedBy(set.migrations, this.reach.isRunning) };
  }

  @Post(':id/lift')
  @HttpCode(200)
  @RequirePermission('migrations:stop', 'stop')
  lift(
    @Param('id', { schema: stopIdSchema }) stop: string,
    @Body({ schema: stopLiftSchema }) { reason }: z.infer<typeof stopLiftSchema>,
    @Call() call: CallContext,
  ): Promise<EmergencyStop> {
    return inTransaction(this.source, (tx) => liftStop(tx, stop, reason, call));
  }
}
