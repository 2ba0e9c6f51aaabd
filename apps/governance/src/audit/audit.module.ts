import { type DynamicModule, type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import type { NextFunction, Response } from 'express';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import type { ApiRequest } from '../http/request.js';
import { AuditController, AuditOrigin } from './audit.controller.js';
import { Contradictions, ContradictionsController } from './contradictions.controller.js';
import { DenialObserver } from './denial-observer.js';

export interface AuditOptions {
  origin: string;
  logger: Logger;
  contradictions: Contradictions;
}

/** The audit log over HTTP, and what is written into it of refused writes. Needs a DataSource from the root module. */
@Module({})
export class AuditModule implements NestModule {
  static register({ origin, logger, contradictions }: AuditOptions): DynamicModule {
    return {
      module: AuditModule,
      controllers: [AuditController, ContradictionsController],
      providers: [
        { provide: Contradictions, useValue: contradictions },
        { provide: AuditOrigin, useValue: new AuditOrigin(origin) },
        {
          provide: DenialObserver,
          inject: [DataSource],
          useFactory: (source: DataSource) => new DenialObserver(source, logger),
        },
      ],
    };
  }

  constructor(private readonly denials: DenialObserver) {}

  configure(consumer: MiddlewareConsumer): void {
    const observe = (request: ApiRequest, response: Response, next: NextFunction): void =>
      this.denials.use(request, response, next);
    consumer.apply(observe).forRoutes('{*all}');
  }
}
