import { Module } from '@nestjs/common';
import { ExceptionsController } from './exceptions.controller.js';
import { PoliciesController } from './policies.controller.js';

/** Policies, their bindings and exceptions. */
@Module({ controllers: [PoliciesController, ExceptionsController] })
export class PoliciesModule {}
