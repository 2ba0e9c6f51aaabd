import { Module } from '@nestjs/common';
import { CommandsController } from './commands.controller.js';
import { EngineController } from './engine.controller.js';

/** The questions that the engine asks before it changes anything, and what it leaves here for an undo. */
@Module({ controllers: [EngineController, CommandsController] })
export class EngineModule {}
