import { Module } from '@nestjs/common';
import { RiskController } from './risk.controller.js';

/** Assessments of risk, and the models that make them. */
@Module({ controllers: [RiskController] })
export class RiskModule {}
