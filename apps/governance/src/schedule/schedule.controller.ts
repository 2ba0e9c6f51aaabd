import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Put } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { Refusal } from '../refusal/refusal.js';
import { expectedVersion } from '../refusal/version.js';
import {
  type CalendarEntry,
  calendarEntrySchema,
  findCalendarEntry,
  listCalendar,
  removeCalendarEntry,
  saveCalendarEntry,
  type StoredCalendarEntry,
} from './store.js';

const name = { schema: calendarEntrySchema.shape.name };

/** Freezes and maintenance windows. */
@Controller('v1/calendar')
export class ScheduleController {
  constructor(private readonly source: DataSource) {}

  @Get()
  @RequirePermission('calendar:read', 'shared')
  async list(): Promise<{ items: StoredCalendarEntry[] }> {
    return { items: await listCalendar(this.source) };
  }

  @Get(':name')
  @RequirePermission('calendar:read', 'shared')
  async find(@Param('name', name) entry: string): Promise<StoredCalendarEntry> {
    const found = await findCalendarEntry(this.source, entry);
    return found;
  }

  @Put(':name')
  @RequirePermission('calendar:write')
  async save(
    @Param('name', name) entry: string,
    @Body({ schema: calendarEntrySchema }) body: CalendarEntry,
    @Headers() headers: Record<string, string>,
    @Call() call: CallContext,
  ): Promise<StoredCalendarEntry> {
    if (entry !== body.name)
      throw new Refusal('invalid', 'the name of the path and of the body differ', [
        { field: 'name', message: `is ${body.name}, the path says ${entry}` },
      ]);
    const expected = expectedVersion(headers['if-match'], headers['if-none-match']);
    return inTransaction(this.source, (tx) => saveCalendarEntry(tx, body, expected, call));
  }

  @Delete(':name')
  @HttpCode(204)
  @RequirePermission('calendar:write')
  async remove(
    @Param('name', name) entry: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Call() call: CallContext,
  ): Promise<void> {
    const expected = expectedVersion(ifMatch);
    await inTransaction(this.source, (tx) => removeCalendarEntry(tx, entry, expected, call));
  }
}
