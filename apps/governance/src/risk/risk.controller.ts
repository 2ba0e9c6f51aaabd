import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { type AssessmentAnswer, findAssessment } from './assessments.js';
import { type CalibrationAnswer, calibrationOf } from './calibration.js';
import { type ModelsAnswer, modelsAnswer, promote, type PromotionInput, promotionInputSchema } from './promote.js';

const modelId = z.coerce.number().int().min(0).max(1_000_000_000);
const id = { schema: z.string().regex(/^[0-9a-f-]{1,64}$/) };
const calibrationQuery = z.object({ model: modelId.optional().describe('The champion when left out.') });

/** Models of risk, what they said, and how well it fits what happened. */
@Controller('v1/risk')
export class RiskController {
  constructor(private readonly source: DataSource) {}

  @Get('models')
  @RequirePermission('risk:read', 'shared')
  models(): Promise<ModelsAnswer> {
    return modelsAnswer(this.source);
  }

  /** Makes a model the champion: a person's decision, on evidence. */
  @Post('models/:id/promotion')
  @HttpCode(200)
  @RequirePermission('risk:promote')
  promote(
    @Param('id', { schema: modelId }) model: number,
    @Body({ schema: promotionInputSchema }) body: PromotionInput,
    @Call() call: CallContext,
  ): Promise<ModelsAnswer> {
    return inTransaction(this.source, (tx) => promote(tx, model, body, call));
  }

  @Get('assessments/:id')
  @RequirePermission('risk:read', 'assessment')
  assessment(@Param('id', id) assessment: string): Promise<AssessmentAnswer> {
    return findAssessment(this.source, assessment);
  }

  @Get('calibration')
  @RequirePermission('risk:read', 'shared')
  calibration(
    @Query({ schema: calibrationQuery }) { model }: z.infer<typeof calibrationQuery>,
  ): Promise<CalibrationAnswer> {
    return calibrationOf(this.source, model ?? null);
  }
}
