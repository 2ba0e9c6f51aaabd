import { type DynamicModule, Module } from '@nestjs/common';
import { ScanParts } from './request.js';
import { ScansController } from './scans.controller.js';

/** Which SCC every workload of the cluster runs under, which stricter one it could, and what changed since. */
@Module({})
export class ScansModule {
  static register(parts: ScanParts): DynamicModule {
    return {
      module: ScansModule,
      controllers: [ScansController],
      providers: [{ provide: ScanParts, useValue: parts }],
    };
  }
}
