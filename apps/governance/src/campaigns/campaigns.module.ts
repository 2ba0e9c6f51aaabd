import { type DynamicModule, Module } from '@nestjs/common';
import { CampaignBoards } from './boards.js';
import { CampaignsController } from './campaigns.controller.js';

/** The campaigns of the cluster for people to see. */
@Module({})
export class CampaignsModule {
  static register(boards: CampaignBoards): DynamicModule {
    return {
      module: CampaignsModule,
      controllers: [CampaignsController],
      providers: [{ provide: CampaignBoards, useValue: boards }],
    };
  }
}
