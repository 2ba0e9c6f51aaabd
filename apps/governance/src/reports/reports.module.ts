import { type DynamicModule, Module } from '@nestjs/common';
import { ProofSigner } from '../history/proof.js';
import { ReportsController } from './reports.controller.js';

/** Signed reports about what the audit log says of a period. */
@Module({})
export class ReportsModule {
  static register(signer: ProofSigner): DynamicModule {
    return {
      module: ReportsModule,
      controllers: [ReportsController],
      providers: [{ provide: ProofSigner, useValue: signer }],
    };
  }
}
