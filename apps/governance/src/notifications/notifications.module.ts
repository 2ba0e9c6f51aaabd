import { type DynamicModule, Module } from '@nestjs/common';
import { NotificationsController } from './notifications.controller.js';
import { Courier } from './courier.js';

/** Receivers outside that are told what governance records. */
@Module({})
export class NotificationsModule {
  static register(courier: Courier): DynamicModule {
    return {
      module: NotificationsModule,
      controllers: [NotificationsController],
      providers: [{ provide: Courier, useValue: courier }],
    };
  }
}
