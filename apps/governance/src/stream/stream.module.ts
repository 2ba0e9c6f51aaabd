import { type DynamicModule, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { Feed } from './feed.js';
import { StreamController } from './stream.controller.js';

/** Tells the web console what changes. */
@Module({})
export class StreamModule {
  static register(logger: Logger): DynamicModule {
    return {
      module: StreamModule,
      controllers: [StreamController],
      providers: [{ provide: Feed, inject: [DataSource], useFactory: (db: DataSource) => new Feed(db, logger) }],
    };
  }
}
