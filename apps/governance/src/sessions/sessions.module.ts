import { type DynamicModule, Module } from '@nestjs/common';
import { SessionController, SignInWays } from './session.controller.js';
import { Sessions } from './sessions.js';

/** Signing in to the web console, and out. */
@Module({})
export class SessionsModule {
  static register(ways: SignInWays): DynamicModule {
    return {
      module: SessionsModule,
      controllers: [SessionController],
      providers: [Sessions, { provide: SignInWays, useValue: ways }],
      exports: [Sessions],
    };
  }
}
