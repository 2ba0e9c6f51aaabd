import { Module } from '@nestjs/common';
import { PodsController } from './pods.controller.js';

/** Which pods run under which SCC. */
@Module({ controllers: [PodsController] })
export class PodsModule {}
