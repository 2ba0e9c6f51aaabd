import { Body, Controller, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import {
  type ApprovalView,
  type Evaluation,
  type EvaluationRequest,
  evaluationRequestSchema,
  type LiveRequest,
  liveRequestSchema,
  type LiveVerdict,
  type MigrationOutcome,
  type PreImages,
  preImagesSchema,
  type StepRequest,
  stepRequestSchema,
  type StepVerdict,
} from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { Authorizer } from '../access/authorize.js';
import { PlanRights } from '../access/plan-rights.js';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { findMigration, uidSchema } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { approvalView } from './approval-view.js';
import { authorizeStep } from './authorize.js';
import { CampaignAuthors } from './campaign-authors.js';
import { evaluatePlan } from './evaluate.js';
import { reviewLiveSettings } from './live-settings.js';
import { outcomeOf } from './outcome.js';
import { preImages, savePreImages } from './pre-images.js';

const uid = { schema: uidSchema };

/** The questions of the engine; `libs/governance-api` fixes paths and payloads. */
@Controller('v1/migrations/:id')
export class EngineController {
  constructor(
    private readonly source: DataSource,
    private readonly authorizer: Authorizer,
    private readonly rights: PlanRights,
    private readonly campaigns: CampaignAuthors,
  ) {}

  @Post('evaluations')
  @HttpCode(200)
  @RequirePermission('evaluations:create', 'migration')
  async evaluate(
    @Param('id', uid) id: string,
    @Body({ schema: evaluationRequestSchema }) body: EvaluationRequest,
    @Call() call: CallContext,
  ): Promise<Evaluation> {
    if (body.plan.uid !== id)
      throw new Refusal('conflict', `the plan has the uid ${body.plan.uid}, the path says ${id}`);
    const asked = await this.campaigns.attributed(body);
    return inTransaction(this.source, (tx) => evaluatePlan(tx, asked, { ...call, reviewRights: this.rights.review }));
  }

  @Get('approval')
  @RequirePermission('approvals:read', 'migration')
  async approval(@Param('id', uid) id: string, @Call() { now }: CallContext): Promise<ApprovalView> {
    return approvalView(this.source, await findMigration(this.source, id), now);
  }

  @Post('steps')
  @HttpCode(200)
  @RequirePermission('steps:authorize', 'migration')
  authorizeStep(
    @Param('id', uid) id: string,
    @Body({ schema: stepRequestSchema }) body: StepRequest,
    @Call() call: CallContext,
  ): Promise<StepVerdict> {
    return inTransaction(this.source, (tx) =>
      authorizeStep(tx, id, body, { ...call, holds: this.authorizer.holdsRole, reviewRights: this.rights.review }),
    );
  }

  /** Whether an edit of the running plan takes effect. */
  @Post('live-settings')
  @HttpCode(200)
  @RequirePermission('steps:authorize', 'migration')
  liveSettings(
    @Param('id', uid) id: string,
    @Body({ schema: liveRequestSchema }) body: LiveRequest,
    @Call() call: CallContext,
  ): Promise<LiveVerdict> {
    return inTransaction(this.source, (tx) => reviewLiveSettings(tx, id, body, call));
  }

  @Put('pre-images')
  @RequirePermission('pre-images:write', 'migration')
  savePreImages(
    @Param('id', uid) id: string,
    @Body({ schema: preImagesSchema }) body: PreImages,
    @Call() call: CallContext,
  ): Promise<PreImages> {
    return inTransaction(this.source, (tx) => savePreImages(tx, id, body, call));
  }

  @Get('pre-images')
  @RequirePermission('pre-images:read', 'migration')
  preImages(@Param('id', uid) id: string): Promise<PreImages> {
    return preImages(this.source, id);
  }

  @Get('outcome')
  @RequirePermission('pre-images:read', 'migration')
  outcome(@Param('id', uid) id: string): Promise<MigrationOutcome> {
    return outcomeOf(this.source, id);
  }
}
