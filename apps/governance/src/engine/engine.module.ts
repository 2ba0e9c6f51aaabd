import { type DynamicModule, Module } from '@nestjs/common';
import type { NoteSigner } from '@scc/audit';
import type { IsRunning, SendCommand } from '../approvals/temporal.js';
import { ActivitiesController } from './activities.controller.js';
import { CampaignAuthors } from './campaign-authors.js';
import { CommandsController } from './commands.controller.js';
import { EngineController } from './engine.controller.js';
import { CommandSender } from './operator-commands.js';
import { UndoSealer } from './seal.js';
import { WorkflowRuns } from './runs.js';

interface EngineOptions {
  isRunning: IsRunning;
  sendCommand: SendCommand;
  campaigns: CampaignAuthors;
  /** The key of the audit log, and the name of that log. */
  signer: NoteSigner;
  origin: string;
}

/** The questions that the engine asks before it changes anything, and what it leaves here for an undo. */
@Module({})
export class EngineModule {
  static register({ isRunning, sendCommand, campaigns, signer, origin }: EngineOptions): DynamicModule {
    return {
      module: EngineModule,
      global: true,
      controllers: [EngineController, ActivitiesController, CommandsController],
      providers: [
        { provide: WorkflowRuns, useValue: new WorkflowRuns(isRunning) },
        { provide: CommandSender, useValue: new CommandSender(sendCommand) },
        { provide: CampaignAuthors, useValue: campaigns },
        { provide: UndoSealer, useValue: new UndoSealer(signer, origin) },
      ],
      exports: [WorkflowRuns],
    };
  }
}
