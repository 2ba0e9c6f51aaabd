import { type DynamicModule, Module } from '@nestjs/common';
import type { IsRunning } from '../approvals/temporal.js';
import { WorkflowReach } from './reach.js';
import { StopsController } from './stops.controller.js';

/** One command that stops every migration. */
@Module({})
export class StopsModule {
  static register(isRunning: IsRunning): DynamicModule {
    return {
      module: StopsModule,
      controllers: [StopsController],
      providers: [{ provide: WorkflowReach, useValue: new WorkflowReach(isRunning) }],
    };
  }
}
