import { type DynamicModule, Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { Observer } from './observer.js';

/** How the parts of the service are. */
@Module({})
export class HealthModule {
  static register(observer: Observer): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [{ provide: Observer, useValue: observer }],
    };
  }
}
