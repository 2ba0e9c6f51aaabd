import { Module } from '@nestjs/common';
import { StopsController } from './stops.controller.js';

/** One command that stops every migration. */
@Module({ controllers: [StopsController] })
export class StopsModule {}
