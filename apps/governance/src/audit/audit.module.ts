import { type DynamicModule, Module } from '@nestjs/common';
import { AuditOrigin } from './audit-origin.js';
import { AuditController } from './audit.controller.js';

/** The audit log over HTTP. Needs a DataSource from the root module. */
@Module({})
export class AuditModule {
  static register({ origin }: { origin: string }): DynamicModule {
    return {
      module: AuditModule,
      controllers: [AuditController],
      providers: [{ provide: AuditOrigin, useValue: new AuditOrigin(origin) }],
    };
  }
}
