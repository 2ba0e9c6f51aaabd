import { Module } from '@nestjs/common';
import { RegistryController } from './registry.controller.js';

/** Versions of SCCs, and which workload ran under which one when. */
@Module({ controllers: [RegistryController] })
export class RegistryModule {}
