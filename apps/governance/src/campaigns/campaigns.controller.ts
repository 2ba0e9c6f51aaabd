import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { CampaignDetail, CampaignSummary } from '@scc/governance-api';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Actor, type User } from '../call/actor.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { SharedAnswer } from '../call/shared-answer.js';
import { CampaignBoards, campaignNameSchema } from './boards.js';

type Narrowed = z.infer<typeof namespaceQuery>;

/** Campaigns of the cluster, with their waves. They are edited in the cluster, where admission sees who does it. */
@Controller('v1/campaigns')
export class CampaignsController {
  constructor(
    private readonly source: DataSource,
    @Inject(CampaignBoards) private readonly boards: CampaignBoards,
  ) {}

  @Get()
  @RequirePermission('migrations:read', 'list')
  @SharedAnswer()
  async list(
    @Query({ schema: namespaceQuery }) _query: Narrowed,
    @Actor() { scope }: User,
  ): Promise<{ items: CampaignSummary[] }> {
    return { items: await this.boards.list(scope) };
  }

  @Get(':name')
  @RequirePermission('migrations:read', 'list')
  @SharedAnswer()
  one(
    @Param('name', { schema: campaignNameSchema }) name: string,
    @Query({ schema: namespaceQuery }) _query: Narrowed,
    @Actor() { scope }: User,
  ): Promise<CampaignDetail> {
    return this.boards.detail(this.source, name, scope);
  }
}
