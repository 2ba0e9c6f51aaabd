import { type DynamicModule, Module } from '@nestjs/common';
import type { NoteSigner } from '@scc/audit';
import { DifferencesController } from './differences.controller.js';
import { EventsController } from './events.controller.js';
import { MigrationsController } from './migrations.controller.js';
import { ProofSigner } from './proof.js';
import { ReadModelWatch } from './read-model-watch.js';

export interface HistoryOptions {
  signer: NoteSigner;
  origin: string;
  readModel: ReadModelWatch;
}

/** The reports of migrations, the read model that is folded from them, and proofs. */
@Module({})
export class HistoryModule {
  static register({ signer, origin, readModel }: HistoryOptions): DynamicModule {
    return {
      module: HistoryModule,
      controllers: [EventsController, MigrationsController, DifferencesController],
      providers: [
        { provide: ProofSigner, useValue: new ProofSigner(signer, origin) },
        { provide: ReadModelWatch, useValue: readModel },
      ],
    };
  }
}
