import { Module } from '@nestjs/common';
import { ScheduleController } from './schedule.controller.js';

/** Freezes and maintenance windows. */
@Module({ controllers: [ScheduleController] })
export class ScheduleModule {}
