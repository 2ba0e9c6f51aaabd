import { Module } from '@nestjs/common';
import { ApprovalsController } from './approvals.controller.js';
import { BreakGlassController } from './break-glass.controller.js';

/** Requests for approval, decisions about them, and the way past them in an emergency. */
@Module({ controllers: [ApprovalsController, BreakGlassController] })
export class ApprovalsModule {}
