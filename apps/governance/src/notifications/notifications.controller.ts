import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import {
  type NotificationDelivery,
  type NotificationReceiver,
  receiverFaults,
  type ReceiverInput,
  receiverInputSchema,
} from '@scc/governance-api';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import type { ListPage } from '../paging/paging.js';
import { Refusal } from '../refusal/refusal.js';
import { expectedVersion } from '../refusal/version.js';
import { deliveryQuerySchema, listDeliveries, retryDeliveries } from './deliveries.js';
import { Courier } from './courier.js';
import { findReceiver, listReceivers, removeReceiver, saveReceiver } from './receivers.js';

const name = { schema: receiverInputSchema.shape.name };

/** Receivers of notifications, and what became of their messages. */
@Controller('v1')
export class NotificationsController {
  constructor(
    private readonly source: DataSource,
    @Inject(Courier) private readonly courier: Courier,
  ) {}

  @Get('notification-receivers')
  @RequirePermission('notifications:read')
  async list(): Promise<{ items: NotificationReceiver[] }> {
    return { items: await listReceivers(this.source) };
  }

  @Get('notification-receivers/:name')
  @RequirePermission('notifications:read')
  find(@Param('name', name) receiver: string): Promise<NotificationReceiver> {
    return findReceiver(this.source, receiver);
  }

  @Put('notification-receivers/:name')
  @RequirePermission('notifications:write')
  async save(
    @Param('name', name) receiver: string,
    @Body({ schema: receiverInputSchema }) body: ReceiverInput,
    @Headers() headers: Record<string, string>,
    @Call() call: CallContext,
  ): Promise<NotificationReceiver> {
    if (receiver !== body.name)
      throw new Refusal('invalid', 'the name of the path and of the body differ', [
        { field: 'name', message: `is ${body.name}, the path says ${receiver}` },
      ]);
    const expected = expectedVersion(headers['if-match'], headers['if-none-match']);
    const faults = receiverFaults(body);
    if (faults.length > 0) throw new Refusal('invalid', `the receiver ${body.name} cannot work`, faults);
    await this.courier.check(body);
    return inTransaction(this.source, (tx) => saveReceiver(tx, body, expected, call));
  }

  @Delete('notification-receivers/:name')
  @HttpCode(204)
  @RequirePermission('notifications:write')
  async remove(
    @Param('name', name) receiver: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Call() call: CallContext,
  ): Promise<void> {
    const expected = expectedVersion(ifMatch);
    await inTransaction(this.source, (tx) => removeReceiver(tx, receiver, expected, call));
  }

  @Post('notification-receivers/:name/retry')
  @HttpCode(200)
  @RequirePermission('notifications:write')
  retry(@Param('name', name) receiver: string, @Call() call: CallContext): Promise<{ retried: number }> {
    return inTransaction(this.source, (tx) => retryDeliveries(tx, receiver, call));
  }

  @Get('notification-deliveries')
  @RequirePermission('notifications:read')
  deliveries(
    @Query({ schema: deliveryQuerySchema }) query: z.infer<typeof deliveryQuerySchema>,
  ): Promise<ListPage<NotificationDelivery>> {
    return listDeliveries(this.source, query);
  }
}
